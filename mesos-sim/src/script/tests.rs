//! The language itself: what it keeps, what it refuses and where it says the mistake is.

use super::*;

#[derive(Debug, Default)]
struct Echo;

impl Session for Echo {
    fn command(&mut self, command: &Command, out: &mut Vec<String>) -> Result<(), String> {
        match command.verb.as_str() {
            "say" => out.extend(command.words.iter().cloned()),
            "quiet" => {}
            other => return Err(format!("{other:?} is no command")),
        }
        Ok(())
    }
}

fn play(text: &str) -> Result<String, ScriptError> {
    replay("x.txt", text, &mut Echo)
}

#[test]
fn a_correct_script_comes_back_as_it_was() {
    let text = "# Why.\n\nsay a \"b c\"\n# within\nsay d(e f)\n----\na\nb c\nd(e f)\n\nquiet\n----\n(nothing)\n";
    assert_eq!(play(text).unwrap(), text);
}

#[test]
fn output_is_replaced_and_missing_output_is_added() {
    assert_eq!(play("say a\n----\nwrong\nwrong\n\nsay b\n").unwrap(), "say a\n----\na\n\nsay b\n----\nb\n");
}

#[test]
fn a_mistake_names_its_file_and_line() {
    assert_eq!(play("say a\n\n# c\nsay b\nshout\n").unwrap_err().to_string(), "x.txt:5: \"shout\" is no command");
    assert_eq!(play("say (a\n").unwrap_err().to_string(), "x.txt:1: ')' is missing");
    assert_eq!(play("\n----\n").unwrap_err().to_string(), "x.txt:2: there is no command above this line");
}

#[test]
fn words_with_a_name_are_told_from_those_without() {
    let command = Command::parse(1, "launch t1 run=\"sleep 9\" cpus(web=1):2 data=").unwrap();
    assert_eq!(command.words, ["t1", "cpus(web=1):2"]);
    let named = [("run", "sleep 9"), ("data", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(command.named, named);
}

#[test]
fn a_difference_is_shown_with_what_is_around_it() {
    let text = "1\n2\n3\n4\n5\n6\n7\n8\n9";
    assert_eq!(diff(text, text), "");
    assert_eq!(diff(text, &text.replace('8', "x")), "   ...\n   5\n   6\n   7\n - 8\n + x\n   9\n");
}
