//! Two texts side by side: what a recorded session says and what the machine does now.

/// How many equal lines are shown before and after a difference.
const CONTEXT: usize = 3;

/// The differing lines of two texts, `-` for the first and `+` for the second, with the equal lines around them.
#[must_use]
pub fn diff(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let lines = aligned(&before, &after);
    let is_shown = |at: usize| {
        let near = &lines[at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len())];
        near.iter().any(|(mark, _)| *mark != ' ')
    };
    let mut text = String::new();
    let mut was_shown = true;
    for (at, (mark, line)) in lines.iter().enumerate() {
        if is_shown(at) {
            text.push_str(if was_shown { "" } else { "   ...\n" });
            text.push_str(&format!(" {mark} {line}\n"));
        }
        was_shown = is_shown(at);
    }
    text
}

/// The longest common subsequence, by the textbook; sessions are short.
fn aligned<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<(char, &'a str)> {
    let mut longest = vec![vec![0_usize; after.len() + 1]; before.len() + 1];
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in after.iter().enumerate().rev() {
            longest[i][j] =
                if old == new { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < before.len() || j < after.len() {
        let is_equal = i < before.len() && j < after.len() && before[i] == after[j];
        if is_equal {
            lines.push((' ', before[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == after.len() || (i < before.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            lines.push(('-', before[i]));
            i += 1;
        } else {
            lines.push(('+', after[j]));
            j += 1;
        }
    }
    lines
}
