//! Collects what the browser gets, once, at build time: our own style sheets and modules from `assets/`, htmx, one
//! font file and the icons in use from `ui/node_modules`. Each file is squeezed, named by its content
//! (`app.3f2a9c1b.css`), its references to other files rewritten, and stored plain, brotli and gzip.
//!
//! The results are two generated Rust files: `assets.rs` (one constant per file) and `icons.rs` (one enum variant per
//! icon), so that a page which names a file or an icon that does not exist does not compile.
#![expect(clippy::print_stderr, reason = "cargo shows standard error when the build fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use sha2::{Digest as _, Sha256};

#[path = "build/sample.rs"]
mod sample;

/// Where a source file lies.
enum From {
    /// In this crate's `assets/`.
    Here(&'static str),
    /// In `ui/node_modules`.
    Package(&'static str),
}

/// One file the browser can ask for, made by joining its sources.
struct Bundle {
    name: &'static str,
    sources: &'static [From],
}

/// Every file, a file after those it refers to.
///
/// htmx and its CSP extension are one file: as two, htmx could start before the extension had arrived, and would
/// then have run attributes that nothing had checked.
const BUNDLES: &[Bundle] = &[
    Bundle {
        name: "inter.woff2",
        sources: &[From::Package("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2")],
    },
    Bundle { name: "favicon.svg", sources: &[From::Here("favicon.svg")] },
    Bundle {
        name: "app.css",
        sources: &[
            From::Here("tokens.css"),
            From::Here("base.css"),
            From::Here("controls.css"),
            From::Here("components.css"),
        ],
    },
    Bundle {
        name: "site.css",
        sources: &[
            From::Here("tokens.css"),
            From::Here("base.css"),
            From::Here("controls.css"),
            From::Here("site.css"),
            From::Here("booking.css"),
        ],
    },
    Bundle {
        name: "htmx.js",
        sources: &[From::Package("htmx.org/dist/htmx.min.js"), From::Package("htmx.org/dist/ext/hx-csp.min.js")],
    },
    Bundle { name: "time.js", sources: &[From::Here("time.js")] },
    Bundle { name: "app.js", sources: &[From::Here("app.js")] },
    Bundle { name: "booking.js", sources: &[From::Here("booking.js")] },
    Bundle { name: "live.js", sources: &[From::Here("live.js")] },
    Bundle { name: "player.js", sources: &[From::Here("player.js")] },
    Bundle { name: "find.js", sources: &[From::Here("find.js")] },
    Bundle { name: "home.js", sources: &[From::Here("home.js")] },
    Bundle { name: "chat.js", sources: &[From::Here("chat.js")] },
    Bundle {
        name: "notices.txt",
        sources: &[
            From::Package("htmx.org/LICENSE"),
            From::Package("@fontsource-variable/inter/LICENSE"),
            From::Package("lucide-static/LICENSE"),
        ],
    },
];

/// The lucide icons in use; the only place that lists them.
const ICONS: &[&str] = &[
    "activity",
    "archive",
    "calendar-clock",
    "check",
    "calendar-check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "chevrons-up-down",
    "circle-alert",
    "copy",
    "download",
    "gauge",
    "house",
    "inbox",
    "info",
    "key-round",
    "link",
    "list-checks",
    "log-out",
    "mail",
    "menu",
    "monitor",
    "moon",
    "pause",
    "phone",
    "phone-forwarded",
    "phone-incoming",
    "phone-outgoing",
    "play",
    "plug",
    "plus",
    "radio",
    "rotate-ccw",
    "search",
    "send",
    "sun",
    "trash-2",
    "users",
    "voicemail",
    "x",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(|e| e.to_string())?);
    let out = PathBuf::from(env::var("OUT_DIR").map_err(|e| e.to_string())?);
    let ui = env::var_os("VOXANNE_UI_DIR").map_or_else(|| here.join("../../ui"), PathBuf::from);
    println!("cargo::rerun-if-env-changed=VOXANNE_UI_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=assets");
    let packages = ui.join("node_modules");
    if !packages.join("htmx.org").is_dir() {
        println!("cargo::rerun-if-changed={}", packages.display());
        return Err(format!(
            "The browser packages are not installed in {}. Run: npm ci --prefix ui",
            packages.display()
        ));
    }
    println!("cargo::rerun-if-changed={}", ui.join("package-lock.json").display());

    sample::make(&here.join("../../locales"), &out)?;
    let mut hashed = BTreeMap::new();
    let mut table = String::new();
    for bundle in BUNDLES {
        let bytes = refer(bundle.name, assemble(bundle, &here.join("assets"), &packages)?, &hashed)?;
        let file = hashed_name(bundle.name, &bytes);
        hashed.insert(bundle.name, file.clone());
        write_constant(&mut table, &out, bundle.name, &file, &bytes)?;
    }
    let names = BUNDLES.iter().map(|b| constant_name(b.name)).collect::<Vec<_>>().join(", ");
    writeln!(
        table,
        "/// Every file, in no order that matters.\npub const ALL: [&Asset; {}] = [{names}];",
        BUNDLES.len()
    )
    .map_err(|e| e.to_string())?;
    save(&out.join("assets.rs"), table.as_bytes())?;
    save(&out.join("icons.rs"), icons(&packages)?.as_bytes())
}

fn assemble(bundle: &Bundle, assets: &Path, packages: &Path) -> Result<Vec<u8>, String> {
    let mut whole = Vec::new();
    for source in bundle.sources {
        let (path, own) = match source {
            From::Here(name) => (assets.join(name), true),
            From::Package(name) => (packages.join(name), false),
        };
        let bytes = read(&path)?;
        let extension = Path::new(bundle.name).extension().and_then(|e| e.to_str()).unwrap_or_default();
        match extension {
            "css" => whole.extend(squeeze_css(&text(bytes, &path)?).into_bytes()),
            "js" if own => whole.extend(squeeze_js(&text(bytes, &path)?, &path)?.into_bytes()),
            // A source map that is not served is a 404 in every developer's console.
            "js" => whole.extend(lines(&text(bytes, &path)?, |l| !l.starts_with("//# sourceMappingURL")).into_bytes()),
            _ => whole.extend(bytes),
        }
    }
    Ok(whole)
}

/// Rewrites `url("name")` and `from "./name"` to the hashed names of files built before this one.
fn refer(name: &str, bytes: Vec<u8>, hashed: &BTreeMap<&str, String>) -> Result<Vec<u8>, String> {
    let marks: &[&str] = match Path::new(name).extension().and_then(|e| e.to_str()) {
        Some("css") => &["url(\""],
        Some("js") if name != "htmx.js" => &["from \"./", "import \"./"],
        _ => return Ok(bytes),
    };
    let mut source = String::from_utf8(bytes).map_err(|e| format!("{name}: {e}"))?;
    for mark in marks {
        let mut done = String::with_capacity(source.len());
        let mut rest = source.as_str();
        while let Some(at) = rest.find(mark) {
            let (before, after) = rest.split_at(at + mark.len());
            let end = after.find('"').ok_or_else(|| format!("{name}: a reference is not closed"))?;
            let target = &after[..end];
            let file = hashed
                .get(target)
                .ok_or_else(|| format!("{name} refers to {target}, which is not listed before it"))?;
            done.push_str(before);
            done.push_str(file);
            rest = &after[end..];
        }
        done.push_str(rest);
        source = done;
    }
    Ok(source.into_bytes())
}

/// Comments and indentation out. Our sheets hold no string with a comment mark in it.
fn squeeze_css(source: &str) -> String {
    let mut bare = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("/*") {
        bare.push_str(&rest[..at]);
        rest = rest[at..].find("*/").map_or("", |end| &rest[at + end + 2..]);
    }
    bare.push_str(rest);
    lines(&bare, |_| true)
}

/// Whole-line comments and indentation out. Works by lines, so a template string over several lines is refused.
fn squeeze_js(source: &str, path: &Path) -> Result<String, String> {
    if let Some(line) = source.lines().find(|l| !l.trim_start().starts_with('*') && l.matches('`').count() % 2 == 1) {
        return Err(format!(
            "{}: a template string spans lines, which the build cannot squeeze: {line}",
            path.display()
        ));
    }
    let mut inside = false;
    Ok(lines(source, |line| {
        if inside || line.starts_with("/*") {
            inside = !line.ends_with("*/");
            return false;
        }
        !line.starts_with("//")
    }))
}

fn lines(source: &str, mut keep: impl FnMut(&str) -> bool) -> String {
    let mut kept = String::with_capacity(source.len());
    for line in source.lines().map(str::trim).filter(|l| !l.is_empty()) {
        if keep(line) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn hashed_name(name: &str, bytes: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(bytes));
    let (stem, extension) = name.split_once('.').unwrap_or((name, "bin"));
    format!("{stem}.{}.{extension}", &digest[..8])
}

fn write_constant(table: &mut String, out: &Path, name: &str, file: &str, bytes: &[u8]) -> Result<(), String> {
    let kind = match Path::new(name).extension().and_then(|e| e.to_str()) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => return Err(format!("{name}: no content type is known for this extension")),
    };
    save(&out.join(file), bytes)?;
    // A font is compressed already; a second pass makes it larger.
    let (br, gz) = if kind.starts_with("font/") {
        ("None".to_owned(), "None".to_owned())
    } else {
        save(&out.join(format!("{file}.br")), &brotli(bytes)?)?;
        save(&out.join(format!("{file}.gz")), &gzip(bytes)?)?;
        let include = |suffix| format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}.{suffix}\")))");
        (include("br"), include("gz"))
    };
    let constant = constant_name(name);
    writeln!(
        table,
        "/// `{name}`\npub const {constant}: &Asset = &Asset {{ file: {file:?}, url: \"/assets/{file}\", kind: {kind:?}, \
         plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\")), brotli: {br}, gzip: {gz} }};"
    )
    .map_err(|e| e.to_string())
}

fn constant_name(name: &str) -> String {
    name.replace(['.', '-'], "_").to_uppercase()
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>, String> {
    // The best setting costs seconds in an unoptimised build script, for bytes that stay on this machine.
    let quality = if env::var("PROFILE").is_ok_and(|p| p == "release") { 11 } else { 5 };
    let settings =
        brotli::enc::BrotliEncoderParams { quality, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &settings).map_err(|e| e.to_string())?;
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).and_then(|()| packer.finish()).map_err(|e| e.to_string())
}

/// The enum of icons; the drawing is what stands between lucide's `<svg>` tags.
fn icons(packages: &Path) -> Result<String, String> {
    let mut variants = String::new();
    let mut arms = String::new();
    for name in ICONS {
        let path = packages.join(format!("lucide-static/icons/{name}.svg"));
        let svg = text(read(&path)?, &path)?;
        let open = svg.find("<svg").and_then(|at| svg[at..].find('>').map(|end| at + end + 1));
        let (Some(open), Some(close)) = (open, svg.rfind("</svg>")) else {
            return Err(format!("{}: not an SVG file", path.display()));
        };
        let drawing = svg[open..close].split_whitespace().collect::<Vec<_>>().join(" ");
        let variant = name.split('-').map(|w| w[..1].to_uppercase() + &w[1..]).collect::<String>();
        writeln!(variants, "    /// `{name}`\n    {variant},").map_err(|e| e.to_string())?;
        writeln!(arms, "            Self::{variant} => {drawing:?},").map_err(|e| e.to_string())?;
    }
    Ok(format!(
        "/// The icons in use, by their lucide names.\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub enum Icon {{\n{variants}}}\n\n\
         impl Icon {{\n    const fn drawing(self) -> &'static str {{\n        match self {{\n{arms}        }}\n    }}\n}}\n"
    ))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}. If it belongs to a package, run: npm ci --prefix ui", path.display()))
}

fn text(bytes: Vec<u8>, path: &Path) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|e| format!("{}: {e}", path.display()))
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()))
}
