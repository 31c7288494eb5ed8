//! Part of speech and syntax of the texts given, one word a line:
//!
//! ```text
//! cargo run -p attn-lingua --example annotate -- "The committee didn't approve her plan."
//! ```

use attn_lingua::Annotator;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let annotator = Annotator::embedded()?;
    let mut texts: Vec<String> = std::env::args().skip(1).collect();
    if texts.is_empty() {
        texts.push("The committee didn't approve her plan.".to_owned());
    }
    for text in &texts {
        let words = annotator.annotate(text);
        for word in &words {
            let head = word.head.and_then(|head| words.get(head));
            println!(
                "{:<14} {:<6} {:<5} {:<10} {}",
                word.text,
                word.upos,
                word.xpos,
                word.deprel,
                head.map_or("-", |head| head.text.as_str())
            );
        }
        println!();
    }
    Ok(())
}
