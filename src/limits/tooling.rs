//! Limits of `verge test` and of the compatibility lint.

use std::time::Duration;

/// CPU time of a viewer function in `verge test`, where counted instructions are its budget. Those take milliseconds;
/// this only ends what would count nothing, and must not end an innocent run on a busy machine.
pub const METERED_FUNCTION_CPU_BUDGET: Duration = Duration::from_secs(60);

/// An event, an expected output or a key-value file of `verge test`, bytes: CloudFront takes test events of 40 KB
/// and key-value files of 5 MB.
pub const TEST_FILE_BYTES_MAX: u64 = 8 << 20;

/// Lists and tables inside each other in a YAML file of `verge test`: what the JSON reader allows too.
pub const TEST_YAML_DEPTH_MAX: usize = 128;

/// Differences of one test that are told: who reads more has another problem.
pub const TEST_DIFFERENCES_ITEMS_MAX: usize = 50;

/// A value in a difference that is shown to people, characters.
pub const TEST_SHOWN_VALUE_CHARS_MAX: usize = 300;

/// A source line in an error text, characters: around the column, because minified code is one line.
pub const TEST_SHOWN_LINE_CHARS_MAX: usize = 120;

/// How long files must stay as they are before `verge test --watch` runs again: editors write in several steps.
pub const TEST_WATCH_QUIET: Duration = Duration::from_millis(100);

/// A line of `verge test --batch`, bytes: the largest source and event, and a full key-value store beside them.
pub const TEST_BATCH_LINE_BYTES_MAX: usize = 16 << 20;

/// Functions that `verge test --batch` keeps loaded. Each holds some hundred kilobytes; a stream that changes among
/// more loads them again, milliseconds each.
pub const TEST_BATCH_FUNCTIONS_ITEMS_MAX: usize = 256;

/// Stack of the thread that the compatibility lint reads a source on, bytes. The parser recurses, and a source of
/// [`crate::limits::VIEWER_FUNCTION_SOURCE_BYTES_MAX`] has at most that many levels. Seventy shapes of nesting, brackets
/// among them, need less than 32 MiB in a debug build. It is address space: the kernel gives memory to what is touched.
pub const LINT_STACK_BYTES: usize = 128 << 20;

/// How many definitions the compatibility lint follows to tell what a value is, depth. Real code needs three or four; each
/// level may ask for two more.
pub const LINT_INFERENCE_DEPTH_MAX: usize = 10;

/// Part of a source's line that is shown with a finding, characters: what fits on a wide terminal.
pub const SOURCE_EXCERPT_CHARS_MAX: usize = 120;

/// Findings of the compatibility lint that are reported of one function, count: nobody reads more, and a source of
/// the largest size can have five thousand.
pub const LINT_FINDINGS_ITEMS_MAX: usize = 200;
