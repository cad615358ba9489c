//! `sim draw`: pictures into files. What is drawn is computed here or read from a text.

mod curves;
mod input;
mod map;
mod timeline;

use argh::FromArgs;

/// Draw the machine, or what came of a run, as SVG.
#[derive(FromArgs)]
#[argh(subcommand, name = "draw")]
pub(crate) struct Draw {
    #[argh(subcommand)]
    picture: Picture,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Picture {
    Map(map::Map),
    Curves(curves::Curves),
    Timeline(timeline::Timeline),
}

/// Draws: 0, or 100 where it was asked for what is not there, 111 where a file cannot be read or written.
pub(crate) fn run(draw: &Draw) -> i32 {
    let (drawn, output) = match &draw.picture {
        Picture::Map(words) => (map::draw(words), &words.output),
        Picture::Curves(words) => (curves::draw(words), &words.output),
        Picture::Timeline(words) => (timeline::draw(words), &words.output),
    };
    let wrong = |e| (111, format!("unable to write {}: {e}", output.display()));
    let written = drawn.and_then(|svg| std::fs::write(output, svg).map_err(wrong));
    match written {
        Ok(()) => 0,
        Err((code, why)) => {
            // What is wrong with a script was told where it was read.
            if !why.is_empty() {
                eprintln!("sim: draw: {why}");
            }
            code
        }
    }
}
