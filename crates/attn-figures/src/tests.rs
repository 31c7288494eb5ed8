//! Layout, determinism and hostile input, over all kinds of figures.

mod samples;

use crate::scene::{Item, Scene};
use crate::theme::{ColourMap, Rgb};
use crate::*;
use attn_core::HeadGrid;
use samples::*;

/// Every text inside the canvas, and no two texts on top of each other.
fn assert_laid_out(name: &str, scene: &Scene) {
    let boxes: Vec<(String, [f64; 4])> = scene
        .texts()
        .map(|t| (t.text.clone(), t.bounds()))
        .collect();
    assert!(!boxes.is_empty(), "{name}");
    for (text, [left, top, right, bottom]) in &boxes {
        assert!(
            *left >= 0.0 && *top >= 0.0 && *right <= scene.width && *bottom <= scene.height,
            "{name}: '{text}' leaves the canvas: {left} {top} {right} {bottom} of {} x {}",
            scene.width,
            scene.height
        );
    }
    for (i, (a, ra)) in boxes.iter().enumerate() {
        for (b, rb) in &boxes[i + 1..] {
            // Accents and descenders seldom meet, so that 0.5 pixels of overlap do no harm.
            let overlap_x = ra[2].min(rb[2]) - ra[0].max(rb[0]);
            let overlap_y = ra[3].min(rb[3]) - ra[1].max(rb[1]);
            assert!(
                overlap_x <= 0.5 || overlap_y <= 0.5,
                "{name}: '{a}' {ra:?} and '{b}' {rb:?} overlap"
            );
        }
    }
    for item in &scene.items {
        if let Item::Rect { x, y, w, h, .. } | Item::Hatch { x, y, w, h, .. } = item {
            let inside = *x >= 0.0 && *y >= 0.0 && x + w <= scene.width && y + h <= scene.height;
            assert!(inside && *w >= 0.0 && *h >= 0.0, "{name}: {item:?}");
        }
    }
}

#[test]
fn nothing_overlaps_or_leaves_the_canvas() {
    for (name, scene) in all_scenes() {
        assert_laid_out(&name, &scene.unwrap());
    }
}

#[test]
fn same_input_same_bytes() {
    let once = || figure_6(6, 12).render().unwrap();
    assert_eq!(once(), once());
    let other = std::thread::spawn(|| figure_6(6, 12).render().unwrap())
        .join()
        .unwrap();
    assert_eq!(once(), other);
}

#[test]
fn png_is_twice_the_svg() {
    let scene = figure_6(6, 12).scene().unwrap();
    let png = scene.render().unwrap().png;
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let word = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!(
        (word(16), word(20)),
        (scene.width as u32 * 2, scene.height as u32 * 2)
    );
}

#[test]
fn png_shows_what_the_svg_says() {
    // The cell of the greatest value has its colour in the decoded bitmap.
    let mut spec = figure_6(2, 2);
    spec.range = Some((0.0, 1.0));
    spec.panels[0].grid.values_mut()[3] = 1.0;
    let scene = spec.scene().unwrap();
    let (x, y, fill) = scene
        .items
        .iter()
        .find_map(|item| match item {
            Item::Rect {
                x,
                y,
                w,
                h,
                fill,
                tip: Some(t),
            } if t.starts_with("layer 2, head 2") => Some((x + w / 4.0, y + h / 4.0, *fill)),
            _ => None,
        })
        .unwrap();
    assert_eq!(fill, ColourMap::Sequential.colour(1.0));
    let bytes = scene.render().unwrap().png;
    let mut reader = ::png::Decoder::new(bytes.as_slice()).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let at = ((y * 2.0) as usize * info.width as usize + (x * 2.0) as usize) * 3;
    assert_eq!(Rgb(pixels[at], pixels[at + 1], pixels[at + 2]), fill);
}

#[test]
fn tokens_stay_text() {
    let svg = attention(&["<img src=x onerror=alert(1)>", "a&b", "\u{0}"])
        .render()
        .unwrap()
        .svg;
    assert!(
        !svg.contains("<img") && svg.contains("&lt;img src=x onerror=alert(1)&gt;"),
        "tips hold it whole"
    );
    assert!(svg.contains("a&amp;b") && !svg.contains('\u{0}'));
}

#[test]
fn cells_have_values_on_hover() {
    let svg = figure_6(6, 12).render().unwrap().svg;
    assert!(svg.contains("<title>layer 3, head 5: "));
    assert_eq!(svg.matches("<title>layer ").count(), 4 * 72);
    assert!(svg.starts_with("<svg ") && svg.contains("<desc ") && svg.contains("role=\"img\""));
    assert!(svg.contains("font-family=\"DejaVu Sans, Verdana, sans-serif\""));
    assert_eq!(
        svg.matches("<title").count(),
        svg.matches("</title>").count()
    );
}

#[test]
fn missing_values_are_hatched_and_named() {
    let mut spec = figure_6(6, 12);
    spec.panels[0].grid.values_mut()[0] = f64::NAN;
    spec.panels[0].grid.values_mut()[1] = f64::INFINITY;
    let scene = spec.scene().unwrap();
    let hatched = scene
        .items
        .iter()
        .filter(|i| matches!(i, Item::Hatch { .. }))
        .count();
    assert_eq!(hatched, 3, "two cells and the legend");
    assert!(scene.texts().any(|t| t.text == "no value (2 cells)"));
    let svg = scene.render().unwrap().svg;
    assert!(
        svg.contains("layer 1, head 1: no value") && !svg.contains("NaN") && !svg.contains("inf")
    );
}

#[test]
fn no_figure_writes_nan() {
    for (name, scene) in all_scenes() {
        let svg = crate::svg::write(&scene.unwrap());
        assert!(
            !svg.contains("NaN") && !svg.contains("\"inf") && !svg.contains("\"-inf"),
            "{name}"
        );
    }
}

#[test]
fn empty_and_wrong_input_is_an_error_that_says_so() {
    let message = |result: Result<Scene, FigureError>| result.unwrap_err().to_string();
    let title = || "T".to_owned();
    let none = HeatmapSpec {
        title: title(),
        ..Default::default()
    };
    assert!(message(none.scene()).contains("'T': the list of panels is empty"));
    let panel = |grid| Panel {
        title: String::new(),
        grid,
        note: String::new(),
    };
    let hollow = HeatmapSpec {
        title: title(),
        panels: vec![panel(HeadGrid::from_fn(0, 0, |_| 0.0))],
        ..Default::default()
    };
    assert!(message(hollow.scene()).contains("empty"));
    let nan = HeatmapSpec {
        title: title(),
        panels: vec![panel(HeadGrid::from_fn(2, 3, |_| f64::NAN))],
        ..Default::default()
    };
    assert!(message(nan.scene()).contains("none of the 6 values"));
    let range = HeatmapSpec {
        range: Some((1.0, f64::NAN)),
        ..figure_6(2, 2)
    };
    assert!(message(range.scene()).contains("range"));
    let mut short = attention(&["a", "b"]);
    short.maps[0].weights.pop();
    assert!(message(short.scene()).contains("expected 4 weights (tokens squared), found 3"));
    assert!(message(attention(&[]).scene()).contains("empty"));
    assert!(
        message(
            BarsSpec {
                title: title(),
                ..Default::default()
            }
            .scene()
        )
        .contains("categories")
    );
    let mut uneven = figure_9();
    uneven.series[0].values.pop();
    assert!(message(uneven.scene()).contains("expected 12 values"));
    assert!(message(LinesSpec::default().scene()).contains("series"));
    assert!(message(ForestSpec::default().scene()).contains("rows"));
    let many = ForestSpec {
        rows: vec![
            ForestRow {
                estimate: 0.1,
                ..Default::default()
            };
            2000
        ],
        ..Default::default()
    };
    assert!(
        many.render()
            .unwrap_err()
            .to_string()
            .contains("beyond the limit")
    );
}

#[test]
fn files_are_written_under_plain_names_only() {
    let folder = tempfile::tempdir().unwrap();
    let figure = figure_6(2, 2).render().unwrap();
    let paths = figure
        .write(&folder.path().join("new"), "figure-6")
        .unwrap();
    assert_eq!(std::fs::read_to_string(&paths[0]).unwrap(), figure.svg);
    assert_eq!(std::fs::read(&paths[1]).unwrap(), figure.png);
    for bad in ["", "../x", "a/b", ".hidden"] {
        assert!(
            matches!(figure.write(folder.path(), bad), Err(FigureError::Name(_))),
            "{bad}"
        );
    }
}

/// Draws every sample into the folder named by `ATTN_FIGURES_OUT`, to be looked at.
#[test]
fn draw_samples_to_look_at() {
    let Ok(folder) = std::env::var("ATTN_FIGURES_OUT") else {
        eprintln!(
            "SKIPPED: set ATTN_FIGURES_OUT to a folder to have the sample figures drawn into it"
        );
        return;
    };
    for (name, scene) in all_scenes() {
        let figure = scene.unwrap().render().unwrap();
        figure
            .write(std::path::Path::new(&folder), &name.replace(' ', "-"))
            .unwrap();
    }
}

/// Figure 8's orange line and the dots: one line on each panel's own bar, one dot for each head,
/// both explained below.
#[test]
fn baselines_cross_colour_bars_and_dots_mark_heads() {
    use attn_core::{HeadGrid, HeadId};
    let panel = |title: &str, low: f64| crate::Panel {
        title: title.to_owned(),
        grid: HeadGrid::from_fn(6, 12, |id| low + 0.001 * (id.layer * 12 + id.head) as f64),
        note: "n = 408".to_owned(),
    };
    let spec = crate::HeatmapSpec {
        title: "One head at a time".to_owned(),
        panels: vec![panel("MRPC", 0.7), panel("RTE", 0.5)],
        scale: crate::ScaleMode::PerPanel,
        baselines: vec![0.9, 0.52],
        baseline_label: "no head disabled".to_owned(),
        dots: vec![Vec::new(), vec![HeadId::new(5, 11), HeadId::new(9, 0)]],
        dot_label: "survives correction".to_owned(),
        ..crate::HeatmapSpec::default()
    };
    let scene = spec.scene().unwrap();
    let dots = |scene: &crate::scene::Scene| {
        let dots = scene.items.iter();
        dots.filter(|i| matches!(i, crate::scene::Item::Dot { .. }))
            .count()
    };
    // A head outside the grid has none; the second dot explains the first.
    assert_eq!(dots(&scene), 2);
    let words: Vec<&str> = scene.texts().map(|t| t.text.as_str()).collect();
    assert!(words.contains(&"no head disabled") && words.contains(&"survives correction"));
    assert!(
        scene.description.contains("no head disabled: 0.9"),
        "{}",
        scene.description
    );
    // A baseline beyond all values widens its panel's scale, so that the line is seen.
    let lines = |scene: &crate::scene::Scene| {
        let lines = scene.items.iter();
        lines
            .filter(|i| matches!(i, crate::scene::Item::Line { width, .. } if *width == 2.5))
            .count()
    };
    assert_eq!(lines(&scene), 2);
    let plain = crate::HeatmapSpec {
        baselines: Vec::new(),
        dots: Vec::new(),
        ..spec
    };
    let scene = plain.scene().unwrap();
    assert_eq!((dots(&scene), lines(&scene)), (0, 0));
}

/// A group's heading has a row to itself: a task with a long score keeps its number of examples.
#[test]
fn a_forest_plots_headings_are_whole() {
    let (_, scene) = all_scenes()
        .into_iter()
        .find(|(name, _)| name == "forest")
        .unwrap();
    let svg = crate::svg::write(&scene.unwrap());
    assert!(svg.contains("STS-B (mean of Pearson and Spearman), n = 1500"));
}
