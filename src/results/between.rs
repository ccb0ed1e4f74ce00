use serde::{Deserialize, Serialize};

/// What stands between the listeners and the server; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Between {
    /// The file with what nginx is to do, by its name in the folder of the scenario; `None` is no nginx.
    pub nginx: Option<String>,
    /// What is in the file, so that a run can be repeated and its report understood without it.
    pub config: String,
}

/// How a scenario says that there is nothing.
const NOTHING: &str = "none";

impl Between {
    /// Whether it is nothing.
    pub fn is_nothing(&self) -> bool {
        self.nginx.is_none()
    }

    /// The program that has to be on the system for it.
    pub fn needs(&self) -> Option<&'static str> {
        self.nginx.is_some().then_some("nginx")
    }

    /// The file of this name, whose content is not known yet.
    ///
    /// # Errors
    /// What is no name of a file: it must not lead out of the scenario's folder, nor out of a line of another file.
    pub(super) fn named(name: &str) -> Result<Between, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name == NOTHING {
            return Ok(Between::default());
        }
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(format!(
                "`{name}` is no name of a file beside the scenario: letters, digits, dots, dashes, such as \"default.conf\"; \"{NOTHING}\" is none"
            ));
        }
        Ok(Between {
            nginx: Some(name.to_owned()),
            config: String::new(),
        })
    }

    /// As a scenario says it.
    pub(super) fn name(&self) -> String {
        self.nginx.clone().unwrap_or_else(|| NOTHING.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_beside_the_scenario() {
        assert_eq!(Between::named("none"), Ok(Between::default()));
        assert_eq!(Between::named("default.conf").unwrap().name(), "default.conf");
        for bad in [
            "",
            "../x.conf",
            "/etc/nginx/nginx.conf",
            "a b",
            "a;b",
            "a\nb",
            ".hidden",
            "..",
        ] {
            assert!(
                Between::named(bad).unwrap_err().contains("beside the scenario"),
                "{bad}"
            );
        }
    }
}
