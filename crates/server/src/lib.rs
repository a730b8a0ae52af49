//! The `voxanne` binary as a library, so that tests start the same server that an operator starts.

pub mod admin;
pub mod alerts;
pub mod app;
pub mod backup;
mod backups_api;
pub mod cli;
pub mod database;
pub mod demo;
pub mod docs;
pub mod doctor;
pub mod health;
pub mod import;
pub mod jobs;
pub mod listener;
mod mail_api;
pub mod openapi;
pub mod psql;
pub mod reconcile;
pub mod replay;
pub mod serve;
pub mod simulate;
