//! The form of a script: blocks of commands and output, and the words of a command.

use std::fmt;

/// What is wrong with a script, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct ScriptError {
    /// The script's name.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: String,
}

impl ScriptError {
    /// This problem in this line.
    pub fn at(file: &str, line: usize, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, problem: problem.into() }
    }
}

/// A parsed script; it prints as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its parts in order.
    pub items: Vec<Item>,
}

/// A part of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A comment or blank line between blocks.
    Text(String),
    /// A block.
    Block(Block),
}

/// Commands and what comes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// The commands and the comments among them, with the numbers of their lines.
    pub input: Vec<(usize, String)>,
    /// What the machine did.
    pub output: Vec<String>,
}

/// One command: a verb, and words with or without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The line it is in, counted from 1.
    pub line: usize,
    /// What to do.
    pub verb: String,
    /// The words without a name, in order.
    pub words: Vec<String>,
    /// The words of the form `name=value`, in order.
    pub named: Vec<(String, String)>,
}

const RULE: &str = "----";

impl Script {
    /// Splits a text into blocks.
    ///
    /// # Errors
    /// When there is output without commands.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScriptError> {
        let mut items = Vec::new();
        let mut block = Block::default();
        let mut is_output = false;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            match (is_output, line) {
                (_, "") => {
                    finish(&mut items, &mut block);
                    is_output = false;
                    items.push(Item::Text(String::new()));
                }
                (true, line) => block.output.push(line.to_owned()),
                (false, RULE) if block.input.is_empty() => {
                    return Err(ScriptError::at(file, index + 1, "there is no command above this line"));
                }
                (false, RULE) => is_output = true,
                (false, comment) if comment.starts_with('#') && block.input.is_empty() => {
                    items.push(Item::Text(comment.to_owned()));
                }
                (false, line) => block.input.push((index + 1, line.to_owned())),
            }
        }
        finish(&mut items, &mut block);
        Ok(Self { items })
    }
}

fn finish(items: &mut Vec<Item>, block: &mut Block) {
    if !block.input.is_empty() {
        items.push(Item::Block(std::mem::take(block)));
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            match item {
                Item::Text(line) => writeln!(f, "{line}")?,
                Item::Block(block) => block.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let input = self.input.iter().map(|(_, line)| line.as_str());
        for line in input.chain([RULE]).chain(self.output.iter().map(String::as_str)) {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl Block {
    /// The commands of the block.
    ///
    /// # Errors
    /// When a bracket or quote is not closed.
    pub fn commands(&self, file: &str) -> Result<Vec<Command>, ScriptError> {
        let lines = self.input.iter().filter(|(_, line)| !line.starts_with('#'));
        lines
            .map(|(line, text)| Command::parse(*line, text).map_err(|problem| ScriptError::at(file, *line, problem)))
            .collect()
    }
}

impl Command {
    /// Splits a line into words. Brackets and quotes hold a word together; quotes around a value are dropped.
    ///
    /// # Errors
    /// When a bracket or quote is not closed, or there is no verb.
    pub fn parse(line: usize, text: &str) -> Result<Self, String> {
        let mut words = split(text)?.into_iter();
        let verb = words.next().ok_or("there is no command")?;
        let mut command = Self { line, verb, words: Vec::new(), named: Vec::new() };
        for word in words {
            match word.split_once('=').filter(|(name, _)| is_name(name)) {
                Some((name, value)) => command.named.push((name.to_owned(), unquoted(value))),
                None => command.words.push(unquoted(&word)),
            }
        }
        Ok(command)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn unquoted(word: &str) -> String {
    let inner = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    inner.unwrap_or(word).to_owned()
}

fn split(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut open = Vec::new();
    for c in text.chars() {
        let is_quoted = open.last() == Some(&'"');
        match c {
            '"' if is_quoted => drop(open.pop()),
            '"' => open.push('"'),
            _ if is_quoted => {}
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => return Err(format!("'{c}' closes nothing")),
            c if c.is_whitespace() && open.is_empty() => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    if let Some(missing) = open.pop() {
        return Err(format!("'{missing}' is missing"));
    }
    words.extend((!word.is_empty()).then_some(word));
    Ok(words)
}
