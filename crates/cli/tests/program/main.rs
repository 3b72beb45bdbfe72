//! The built program, run as a process: what it accepts, refuses, prints and leaves behind.

mod bad_input;
mod bench;
mod combinatorial;
mod error_bounds;
mod exact_arithmetic;
mod hardness;
mod noise;
mod options;
mod recover;
mod round_trip;
mod trained;
mod tutorial;
