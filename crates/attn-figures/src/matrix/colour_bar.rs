//! The colour scale of a panel or of all panels, and the bar that explains it.

use super::*;

/// The colour scale over some values.
pub(super) fn scale(
    m: &Matrix<'_>,
    values: impl Iterator<Item = f64>,
) -> Result<Axis, FigureError> {
    if let Some((low, high)) = m.range {
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(FigureError::Range {
                figure: m.figure.to_owned(),
                low,
                high,
            });
        }
        return Ok(Axis::exact(low, high, 5));
    }
    let Some((low, high)) = extent(values) else {
        // A panel without any value keeps a harmless scale; the figure as a whole was checked.
        return Ok(Axis::exact(0.0, 1.0, 5));
    };
    if m.map == ColourMap::Diverging {
        let far = low.abs().max(high.abs());
        let far = if far > 0.0 { far } else { 1.0 };
        let rounded = Axis::round(0.0, far, 3).high;
        return Ok(Axis::exact(-rounded, rounded, 5));
    }
    // Shares and weights begin at zero unless that would waste half of the colours.
    let low = if low >= 0.0 && low < 0.5 * high {
        0.0
    } else {
        low
    };
    Ok(Axis::round(low, high, 5))
}

/// A colour bar with ticks, lines across it at `baselines` within its scale, and the name of the
/// value.
pub(super) fn bar(
    m: &Matrix<'_>,
    (axis, baselines): (&Axis, &[f64]),
    lay: &Layout,
    at: (f64, f64),
    height: f64,
    items: &mut Vec<Item>,
) {
    let (x, y) = at;
    let height = height.max(SHORTEST_BAR).floor();
    let slices = (height / 2.0).floor().max(1.0);
    let slice = height / slices;
    for i in 0..slices as usize {
        let share = 1.0 - (i as f64 + 0.5) / slices;
        let fill = m.map.colour(share);
        items.push(Item::Rect {
            x,
            y: y + i as f64 * slice,
            w: BAR,
            h: slice,
            fill,
            tip: None,
        });
    }
    items.push(Item::Outline {
        x,
        y,
        w: BAR,
        h: height,
        colour: Rgb::HATCH,
    });
    for &baseline in baselines {
        let share = axis.share(baseline);
        if (-1e-9..=1.0 + 1e-9).contains(&share) {
            let at = y + height * (1.0 - share);
            items.push(Item::line((x - 3.0, at), (x + BAR + 3.0, at), 2.5, MARK));
        }
    }
    let labels = axis.labels();
    // Short bars have no room for every tick.
    let room = height / labels.len().max(1) as f64;
    let every = stride(size::TICK * 1.2, room);
    for (&tick, label) in axis.ticks.iter().zip(&labels).step_by(every) {
        let at = y + height * (1.0 - axis.share(tick));
        items.push(Item::line(
            (x + BAR, at),
            (x + BAR + 3.0, at),
            1.0,
            Rgb::HATCH,
        ));
        let text = Text::new(
            x + BAR + 6.0,
            at + size::TICK * font::CAP / 2.0,
            size::TICK,
            label.clone(),
        );
        items.push(Item::Text(text));
    }
    if !m.value_name.is_empty() {
        let (name, size) = font::shrink(m.value_name, size::LABEL, 7.0, false, height);
        let text = Text::new(x + lay.bar_width - 14.0, y + height / 2.0, size, name);
        items.push(Item::Text(text.anchor(Anchor::Middle).rotated()));
    }
}
