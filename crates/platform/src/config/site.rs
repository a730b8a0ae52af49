//! What the public website says about the operator: name, contact, prices, texts.

/// The public website's own settings. Everything has an honest default: no invented price, address or promise.
#[derive(Clone, Debug)]
pub struct SiteConfig {
    /// What the operator calls the service, in headings, mails and calendar entries.
    pub name: String,
    /// Where visitors write to.
    pub email: Option<String>,
    /// Where visitors call, E.164.
    pub phone: Option<String>,
}

impl Default for SiteConfig {
    fn default() -> Self {
        Self { name: "Voxanne".to_owned(), email: None, phone: None }
    }
}
