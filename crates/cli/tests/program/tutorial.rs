//! The commands of `docs/tutorial.md` do what the page says.

use super::bench::Bench;

const PAGE: &str = include_str!("../../../../docs/tutorial.md");

/// Runs the blocks of commands in the order of the page, and compares what each prints with the block of text behind it, if there
/// is one. In that, `…` stands for any number of lines. A command that does not succeed has its exit code in a comment.
#[test]
fn the_tutorial_prints_what_it_shows() {
    let bench = Bench::new();
    let (mut printed, mut commands, mut compared) = (None, 0, 0);
    for (language, body) in blocks(PAGE) {
        match (language, printed.take()) {
            ("sh", _) => {
                let outputs = body.iter().map(|line| run(&bench, line));
                printed = Some(outputs.collect::<String>());
                commands += body.len();
            }
            ("text", Some(output)) => {
                shows(&body, &output);
                compared += 1;
            }
            _ => {}
        }
    }
    assert!(commands >= 20 && compared >= 15, "{commands} commands, {compared} outputs: was the page read?");
}

/// The fenced blocks of a page: language and lines.
fn blocks(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            inside = !inside;
            if inside {
                found.push((language, Vec::new()));
            }
        } else if inside && let Some((_, body)) = found.last_mut() {
            body.push(line);
        }
    }
    found
}

/// Runs `orthant … # exit code 1`, with the files of `data/` that it names, and returns what it prints.
fn run(bench: &Bench, line: &str) -> String {
    let command = line.strip_prefix("orthant ").unwrap_or_else(|| panic!("{line:?} is not for this program"));
    let (arguments, comment) = command.split_once('#').unwrap_or((command, ""));
    for file in arguments.split_whitespace().filter(|argument| argument.starts_with("data/")) {
        let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let to = bench.path(file);
        std::fs::create_dir_all(to.parent().expect("inside of data")).expect("created");
        std::fs::copy(from, to).expect("copied");
    }
    let run = bench.run(arguments);
    let expected = comment.trim().strip_prefix("exit code ").unwrap_or("0");
    assert_eq!(run.code.to_string(), expected, "{line}: {run:?}");
    run.stdout + &run.stderr
}

/// Asserts that the lines are those of the output, but for what differs between machines.
fn shows(lines: &[&str], output: &str) {
    let mut rest = output.lines();
    let mut skip = false;
    for line in lines {
        if *line == "…" {
            skip = true;
            continue;
        }
        let wanted = comparable(line);
        let found = if skip {
            rest.any(|other| comparable(other) == wanted)
        } else {
            rest.next().is_some_and(|other| comparable(other) == wanted)
        };
        assert!(found, "{line:?} is not where the page has it in\n{output}");
        skip = false;
    }
    assert!(skip || rest.next().is_none(), "the page leaves out the end of\n{output}");
}

/// A line with `#` for numbers that rounding or the machine decide: measured numbers, and which unit was found when.
fn comparable(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.first() == Some(&"method") {
        return "method".to_string();
    }
    let order = words.first().is_some_and(|word| *word == "unit" || word.parse::<u32>().is_ok());
    let word = |word: &&str| {
        let number = word.trim_matches(['(', ')', ',', ':', ';']);
        let measured = number.contains(['.', 'e']) || order;
        if measured && number.parse::<f64>().is_ok() {
            word.replace(number, "#")
        } else {
            (*word).to_string()
        }
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn only_measured_numbers_may_differ() {
    assert_eq!(
        comparable("residual    7.5e-16 on the samples, 8 held out"),
        "residual # on the samples, 8 held out"
    );
    assert_eq!(comparable("       2        7     2.1e-1  above"), "# # # above");
    assert_eq!(
        comparable("  unit 2: too few (active on 11, inactive on 22)"),
        "unit #: too few (active on #, inactive on #)"
    );
    assert_ne!(comparable("verdict     exact"), comparable("verdict     exact on the samples"));
    assert_ne!(comparable("units       8 of 8"), comparable("units       7 of 8"));
}

#[test]
#[should_panic(expected = "is not where the page has it")]
fn another_line_is_noticed() {
    shows(&["verdict     exact", "…"], "verdict     approximate\nreason\n");
}

#[test]
#[should_panic(expected = "the page leaves out the end")]
fn a_missing_line_is_noticed() {
    shows(&["verdict     exact"], "verdict     exact\nreason\n");
}
