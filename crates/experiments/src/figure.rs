//! What a figure shows, apart from how it is drawn.

/// A figure of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub enum Figure {
    /// Curves and points over two axes.
    Chart(Chart),
    /// One number per pair of settings, as a coloured grid.
    HeatMap(HeatMap),
    /// Rows of small grey images.
    Gallery(Gallery),
    /// Numbers to be read.
    Table(Table),
}

impl Figure {
    /// What it is called: the name of its file, and its anchor on the page.
    pub fn heading(&self) -> &Heading {
        match self {
            Figure::Chart(chart) => &chart.heading,
            Figure::HeatMap(map) => &map.heading,
            Figure::Gallery(gallery) => &gallery.heading,
            Figure::Table(table) => &table.heading,
        }
    }
}

/// The name, title and caption of a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Lower case, digits and hyphens; unique among all figures, so it begins with the experiment's name.
    pub id: String,
    /// Above the figure, a few words.
    pub title: String,
    /// Below the figure: what is shown, with sizes, seeds and counts, and what the band is.
    pub caption: String,
}

impl Heading {
    /// All three.
    pub fn new(id: impl Into<String>, title: impl Into<String>, caption: impl Into<String>) -> Heading {
        Heading { id: id.into(), title: title.into(), caption: caption.into() }
    }
}

/// Curves and points over two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Name, title and caption.
    pub heading: Heading,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The curves, in the order of the legend.
    pub series: Vec<Series>,
    /// Vertical lines with a name, such as a bound on the number of samples.
    pub marks: Vec<Mark>,
}

/// One axis of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What is shown, with its unit: "samples n", "time (s)".
    pub label: String,
    /// How values are placed.
    pub scale: AxisScale,
    /// The ends; those of the data when there are none.
    pub range: Option<(f64, f64)>,
}

/// How an axis places values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisScale {
    /// Equal differences, equal distances.
    Linear,
    /// Equal ratios, equal distances; values that are not positive are left out.
    Log,
}

impl Axis {
    /// A linear axis over the data.
    pub fn linear(label: impl Into<String>) -> Axis {
        Axis { label: label.into(), scale: AxisScale::Linear, range: None }
    }

    /// A logarithmic axis over the data.
    pub fn log(label: impl Into<String>) -> Axis {
        Axis { label: label.into(), scale: AxisScale::Log, range: None }
    }

    /// A linear axis from 0 to 1, for rates.
    pub fn rate(label: impl Into<String>) -> Axis {
        Axis { label: label.into(), scale: AxisScale::Linear, range: Some((0.0, 1.0)) }
    }
}

/// A named set of points of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// In the legend.
    pub name: String,
    /// How it is drawn.
    pub style: Style,
    /// From left to right.
    pub points: Vec<Mean>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Measured: a line with points, and a band where points have one.
    Curve,
    /// Measured: points only.
    Dots,
    /// Computed: a bound or a rate, dashed, without points.
    Reference,
}

/// A point with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Its place on the horizontal axis.
    pub x: f64,
    /// Its place on the vertical axis.
    pub y: f64,
    /// The ends of its band, if it has one.
    pub band: Option<(f64, f64)>,
}

impl Mean {
    /// A point without uncertainty.
    pub fn exact(x: f64, y: f64) -> Mean {
        Mean { x, y, band: None }
    }
}

impl Series {
    /// A measured curve.
    pub fn curve(name: impl Into<String>, points: Vec<Mean>) -> Series {
        Series { name: name.into(), style: Style::Curve, points }
    }

    /// Measured points.
    pub fn dots(name: impl Into<String>, points: Vec<Mean>) -> Series {
        Series { name: name.into(), style: Style::Dots, points }
    }

    /// A computed line.
    pub fn reference(name: impl Into<String>, points: Vec<(f64, f64)>) -> Series {
        let points = points.into_iter().map(|(x, y)| Mean::exact(x, y)).collect();
        Series { name: name.into(), style: Style::Reference, points }
    }
}

/// A vertical line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// In the legend.
    pub name: String,
    /// Where it stands.
    pub x: f64,
}

/// One number per pair of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// Name, title and caption.
    pub heading: Heading,
    /// What the columns are.
    pub x_label: String,
    /// What the rows are.
    pub y_label: String,
    /// The values of the columns, from left to right.
    pub columns: Vec<String>,
    /// The values of the rows, from top to bottom.
    pub rows: Vec<String>,
    /// By row: the number that gives the colour, from 0 to 1, and the text in the cell; nothing where nothing was measured.
    pub cells: Vec<Vec<Option<(f64, String)>>>,
    /// What a full colour means: "exact on all seeds".
    pub full: String,
}

/// Rows of small grey images.
#[derive(Debug, Clone, PartialEq)]
pub struct Gallery {
    /// Name, title and caption.
    pub heading: Heading,
    /// The rows, from top to bottom, with as many images each.
    pub strips: Vec<Strip>,
}

/// A row of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    /// Beside or above the row.
    pub label: String,
    /// From left to right.
    pub images: Vec<Image>,
}

/// A grey image.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Pixels in a row.
    pub width: usize,
    /// From -1 (dark) over 0 (grey) to 1 (light), row by row.
    pub pixels: Vec<f64>,
}

/// Numbers to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Name, title and caption.
    pub heading: Heading,
    /// The names of the columns.
    pub head: Vec<String>,
    /// By row.
    pub body: Vec<Vec<String>>,
}
