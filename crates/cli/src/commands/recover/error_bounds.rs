//! `orthant recover --error-bounds`: how far each weight is from the exact one, at most.

use anyhow::bail;
use orthant::exact::bounds::error_bounds;
use orthant::{Network, Samples};

use super::name;
use crate::args::{LabelError, NoiseChoice, RecoverArgs};
use crate::npy::Dtype;
use crate::report::BoundsFinding;

/// Options that bounds do not go with.
pub(super) fn check_options(args: &RecoverArgs) -> anyhow::Result<()> {
    if args.error_bounds.is_none() {
        if args.label_error.is_some() && args.exact_arithmetic {
            bail!("--label-error goes with --error-bounds: with --exact-arithmetic labels are exact");
        }
        if args.label_error.is_some() {
            bail!(
                "--label-error is for --error-bounds: recovery finds out by itself how labels were rounded"
            );
        }
        return Ok(());
    }
    if args.exact_arithmetic {
        bail!("--error-bounds is for floating point: with --exact-arithmetic the error is zero");
    }
    if args.noise != NoiseChoice::None {
        let instead = match args.noise {
            NoiseChoice::Gaussian => ", which has --standard-errors",
            _ => "",
        };
        bail!("--error-bounds is for exact labels: not with --noise {}{instead}", name(args.noise));
    }
    if !args.activation.is_relu() {
        bail!("--error-bounds is for relu: not with --activation {}", args.activation);
    }
    Ok(())
}

/// The bounds, where they are asked for.
pub(super) fn bound(
    args: &RecoverArgs,
    samples: &Samples<'_>,
    label_type: Dtype,
    network: &Network,
) -> Option<BoundsFinding> {
    args.error_bounds.as_ref()?;
    let label_error = args.label_error.unwrap_or(LabelError::Rounded);
    let relative = BoundsFinding::relative(label_error, label_type);
    let bounds = error_bounds(samples, network, relative);
    Some(BoundsFinding { bounds, label_error, label_type, n: samples.n() })
}
