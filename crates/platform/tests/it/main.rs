//! Integration tests of the platform, in one binary: linking is most of what a test binary costs.

mod catalogue;
mod embedded;
mod faults;
mod hub;
mod jobs;
mod tenancy;
mod words;
