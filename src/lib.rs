//! talkplace: one chat feed, heard in several ways, and what each of them costs.
//!
//! Two flows meet in this library. The lab measures:
//!
//! ```text
//! scenario → schedule → clients → recorder → results → (model beside it) → report
//! ```
//!
//! and the server is what it measures:
//!
//! ```text
//! accept → router → transport handler → feed
//! ```
//!
//! Imports go one way, down this list: the binary's `cli`; [`lab`], [`report`], [`conformance`]; [`server`], [`load`];
//! [`results`], [`model`], [`feed`]; [`protocol`]. The load generator and who checks a server are strangers who speak HTTP: they see neither
//! our server nor the feed. The feed has never heard of HTTP, and the model is arithmetic that needs nothing of ours.

pub mod conformance;
pub mod feed;
pub mod lab;
pub mod load;
pub mod model;
pub mod protocol;
pub mod report;
pub mod results;
pub mod server;
