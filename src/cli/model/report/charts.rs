//! Charts as SVG. What they show is decided elsewhere; here is only how lines, bars and cells look, on paper too.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::{
    BLACK, ChartBuilder, Color as _, DrawingArea, IntoDrawingArea as _, IntoFont as _, LineSeries,
    PathElement, RGBColor, Rectangle, SVGBackend, SeriesLabelPosition, Text, TextStyle, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What came: dark, so that it stands out in print.
pub(super) const ACTUAL: RGBColor = RGBColor(38, 50, 56);
/// What the model expects.
pub(super) const EXPECTED: RGBColor = RGBColor(21, 101, 192);
/// What is there to compare with.
pub(super) const REFERENCE: RGBColor = RGBColor(158, 158, 158);

const SIZE: (u32, u32) = (720, 360);
const FONT: &str = "sans-serif";
const MARGIN: u32 = 12;
/// Room above the highest value, so that the legend covers none.
const HEADROOM: f64 = 1.2;

type Drawn = Result<String, Box<dyn Error>>;

/// A line or a row of bars with its name.
pub(super) struct Series {
    pub(super) label: String,
    pub(super) color: RGBColor,
    pub(super) values: Vec<f64>,
}

/// Names of the axes.
pub(super) struct Axes {
    pub(super) x: String,
    pub(super) y: String,
}

fn draw(
    size: (u32, u32),
    paint: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>>,
) -> Drawn {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        paint(&area)?;
        area.present()?;
    }
    // The page sizes it: a fixed width would not fit a telephone.
    let (width, height) = size;
    let fixed = format!("width=\"{width}\" height=\"{height}\" ");
    Ok(svg.replacen(&fixed, "", 1))
}

fn most(series: &[Series]) -> f64 {
    let values = series.iter().flat_map(|one| &one.values).copied();
    let most = values.fold(0.0, f64::max);
    if most > 0.0 { most * HEADROOM } else { 1.0 }
}

/// Lines over these places, which rise; a vertical line marks where the forecast begins.
pub(super) fn lines(xs: &[f64], series: &[Series], axes: &Axes, mark: Option<f64>) -> Drawn {
    let (first, last) = match xs {
        [] => (0.0, 1.0),
        [only] => (*only, only + 1.0),
        [first, .., last] => (*first, *last),
    };
    let top = most(series);
    draw(SIZE, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(first..last, 0.0..top)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(&axes.x)
            .y_desc(&axes.y)
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 14))
            .draw()?;
        if let Some(mark) = mark {
            let line = vec![(mark, 0.0), (mark, top)];
            chart.draw_series([PathElement::new(line, REFERENCE.stroke_width(2))])?;
        }
        for one in series {
            let points = xs.iter().copied().zip(one.values.iter().copied());
            let color = one.color;
            chart
                .draw_series(LineSeries::new(points, color.stroke_width(2)))?
                .label(&one.label)
                .legend(move |(x, y)| {
                    PathElement::new(vec![(x, y), (x + 18, y)], color.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperMiddle)
            .background_style(WHITE.mix(0.85))
            .border_style(REFERENCE)
            .label_font((FONT, 14))
            .draw()?;
        Ok(())
    })
}

/// Bars side by side over these names.
pub(super) fn bars(names: &[String], series: &[Series], axes: &Axes) -> Drawn {
    let top = most(series);
    let count = f64_of(names.len()).max(1.0);
    draw(SIZE, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(-0.5..count - 0.5, 0.0..top)?;
        let name = |x: &f64| {
            let at = x.round();
            let near = (x - at).abs() < 0.01;
            let places = names.iter().enumerate();
            let mut here = places.filter(|(place, _)| near && (f64_of(*place) - at).abs() < 0.5);
            here.next()
                .map_or_else(String::new, |(_, name)| name.clone())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .x_labels(names.len() + 1)
            .x_label_formatter(&name)
            .x_desc(&axes.x)
            .y_desc(&axes.y)
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 14))
            .draw()?;
        let width = 0.8 / f64_of(series.len()).max(1.0);
        for (at, one) in series.iter().enumerate() {
            let color = one.color;
            let left = -0.4 + width * f64_of(at);
            let bars = one.values.iter().enumerate().map(|(place, value)| {
                let from = f64_of(place) + left;
                Rectangle::new([(from, 0.0), (from + width, *value)], color.filled())
            });
            chart
                .draw_series(bars)?
                .label(&one.label)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 5), (x + 18, y + 5)], color.filled())
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperMiddle)
            .background_style(WHITE.mix(0.85))
            .border_style(REFERENCE)
            .label_font((FONT, 14))
            .draw()?;
        Ok(())
    })
}

/// A table of cells, the darker the larger, each with its value. `rows` are drawn from the top.
pub(super) fn cells(
    columns: &[String],
    rows: &[(String, Vec<f64>)],
    axes: &Axes,
    text: impl Fn(f64) -> String,
) -> Drawn {
    const CELL: (i32, i32) = (56, 26);
    const LEFT: i32 = 96;
    const BOTTOM: i32 = 56;
    let count = |number: usize| i32::try_from(number).unwrap_or(0);
    let (width, height) = (
        LEFT + CELL.0 * count(columns.len()) + 12,
        12 + CELL.1 * count(rows.len()) + BOTTOM,
    );
    let size = (
        u32::try_from(width).unwrap_or(0),
        u32::try_from(height).unwrap_or(0),
    );
    let most = rows.iter().flat_map(|(_, values)| values).copied();
    let most = most.fold(f64::MIN_POSITIVE, f64::max);
    draw(size, |area| {
        let style = |size: i32, color: RGBColor, horizontal| {
            let style: TextStyle<'_> = (FONT, size).into_font().color(&color);
            style.pos(Pos::new(horizontal, VPos::Center))
        };
        for (at, (name, values)) in rows.iter().enumerate() {
            let top = 12 + CELL.1 * count(at);
            let middle = top + CELL.1 / 2;
            let label = style(13, BLACK, HPos::Right);
            area.draw(&Text::new(name.clone(), (LEFT - 8, middle), label))?;
            for (place, value) in values.iter().enumerate() {
                let left = LEFT + CELL.0 * count(place);
                let share = (value / most).clamp(0.0, 1.0);
                let fill = EXPECTED.mix(share).filled();
                let corners = [(left, top), (left + CELL.0 - 1, top + CELL.1 - 1)];
                area.draw(&Rectangle::new(corners, fill))?;
                let color = if share > 0.55 { WHITE } else { BLACK };
                let label = style(13, color, HPos::Center);
                area.draw(&Text::new(text(*value), (left + CELL.0 / 2, middle), label))?;
            }
        }
        let below = 12 + CELL.1 * count(rows.len());
        for (place, name) in columns.iter().enumerate() {
            let at = (LEFT + CELL.0 * count(place) + CELL.0 / 2, below + 14);
            area.draw(&Text::new(name.clone(), at, style(13, BLACK, HPos::Center)))?;
        }
        let middle = (LEFT + CELL.0 * count(columns.len()) / 2, below + 38);
        area.draw(&Text::new(
            axes.x.clone(),
            middle,
            style(14, BLACK, HPos::Center),
        ))?;
        let turned: TextStyle<'_> = (FONT, 14)
            .into_font()
            .transform(plotters::style::FontTransform::Rotate270)
            .color(&BLACK);
        let turned = turned.pos(Pos::new(HPos::Center, VPos::Center));
        area.draw(&Text::new(axes.y.clone(), (16, below / 2), turned))?;
        Ok(())
    })
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred places")]
fn f64_of(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> Axes {
        Axes {
            x: "week".into(),
            y: "orders".into(),
        }
    }

    fn series(values: &[f64]) -> Series {
        Series {
            label: "actual & more".into(),
            color: ACTUAL,
            values: values.to_vec(),
        }
    }

    #[test]
    fn every_chart_is_svg_with_its_names_escaped_and_no_size_of_its_own() {
        let names = ["0".to_owned(), "1".to_owned()];
        let rows = [("<2>".to_owned(), vec![0.25, 0.5])];
        for svg in [
            lines(&[1.0, 2.0], &[series(&[3.0, 4.0])], &axes(), Some(1.5)).unwrap(),
            bars(&names, &[series(&[3.0, 4.0])], &axes()).unwrap(),
            cells(&names, &rows, &axes(), |value| format!("{value:.2}")).unwrap(),
            // Nothing to draw is an empty chart and no failure.
            lines(&[], &[], &axes(), None).unwrap(),
            bars(&[], &[], &axes()).unwrap(),
            cells(&[], &[], &axes(), |value| value.to_string()).unwrap(),
        ] {
            assert!(svg.starts_with("<svg viewBox="), "{svg}");
            assert!(svg.trim_end().ends_with("</svg>"), "{svg}");
            assert!(svg.contains("week") && !svg.contains("& more"), "{svg}");
            assert!(!svg.contains("<2>"), "{svg}");
        }
    }
}
