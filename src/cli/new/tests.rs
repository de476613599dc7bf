//! New folders; that they build is tried by the gate, with the languages' tools.

use super::*;

fn new(
    folder: &Path,
    lang: Language,
    event: Option<EventWord>,
    origin: bool,
) -> Result<String, String> {
    make(&Arguments { folder: folder.to_owned(), lang, event, origin })
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_folder_is_a_function_with_events() {
    let place = tempfile::tempdir().expect("a folder");
    let mut made = 0;
    for language in Language::value_variants() {
        for (job, event, origin) in [
            ("request", None, false),
            ("response", Some(EventWord::OriginResponse), false),
            ("origin", None, true),
        ] {
            let folder = place.path().join(format!("{language:?}-{job}"));
            let refused = origin && matches!(language, Language::C | Language::AssemblyScript);
            let report = match new(&folder, *language, event, origin) {
                Err(message) if refused => {
                    assert!(message.contains("use --lang rust"), "{message}");
                    assert!(!folder.exists());
                    continue;
                }
                report => report.expect("a folder"),
            };
            assert!(report.contains("README.md says how it is built"), "{report}");
            for line in report.lines().rev().skip(1) {
                let text = read(line.into());
                assert!(!text.contains("@NAME@") && !text.contains("@US"), "{line}: {text}");
            }
            let description = read(folder.join("function.toml"));
            let description = description.parse::<toml::Table>().expect("TOML");
            assert_eq!(description["name"].as_str(), Some(&*format!("{language:?}-{job}")));
            assert_eq!(description.contains_key("events"), !origin);
            assert_eq!(fs::read_dir(folder.join("events")).expect("events").count(), 4);
            made += 1;
        }
    }
    assert_eq!(made, 13);
}

#[test]
fn nothing_is_written_over() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("functions/mine");
    new(&folder, Language::Python, None, false).expect("its folders are made");
    fs::write(folder.join("lambda_function.py"), "mine").expect("writable");
    let message = new(&folder, Language::Js, None, false).expect_err("it is there");
    assert!(message.contains("is there already; choose another name"), "{message}");
    assert_eq!(read(folder.join("lambda_function.py")), "mine");
    assert!(!folder.join("index.mjs").exists());
}

#[test]
fn a_name_is_one_that_the_configuration_takes() {
    let place = tempfile::tempdir().expect("a folder");
    for name in ["a b", "über", "..", &"x".repeat(65)] {
        let message = new(&place.path().join(name), Language::C, None, false).expect_err("no name");
        assert!(message.contains("must have 1 to 64 letters"), "{name}: {message}");
    }
    assert_eq!(fs::read_dir(place.path()).expect("readable").count(), 0);
}

#[test]
fn the_readme_names_the_folder_as_it_was_written() {
    let template = Template {
        language: Language::Rust,
        job: Job::OriginResponse,
        name: "mine",
        folder: Path::new("functions/mine"),
    };
    let files = template.files().expect("a template");
    let (_, readme) = files.iter().find(|(path, _)| *path == "README.md").expect("a README");
    assert!(readme.contains("path = \"functions/mine\""), "{readme}");
    assert!(readme.contains("origin_response = \"mine\""), "{readme}");
}
