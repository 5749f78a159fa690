//! Bars by hour or day, drawn on the server: an SVG without a word in it, its words beside it as text, and the numbers as a table.

use leptos::prelude::*;

use super::chip::Tone;

/// Bars, each a stack of a value per series.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Unique on its page; a word.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What comes of it, in a sentence.
    pub summary: String,
    /// What a column of the table is, such as "Hour".
    pub unit: &'static str,
    /// From the bottom up.
    pub series: Vec<Series>,
    /// From left to right.
    pub bars: Vec<Bar>,
    /// A value in words.
    pub words: fn(i64) -> String,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// In few words.
    pub name: &'static str,
    /// Its colour; everything but [`Tone::Ok`] and [`Tone::Info`] is hatched, so that colour is not the only difference.
    pub tone: Tone,
    /// What is in this series is in the one below as well: only what goes beyond that is drawn.
    pub includes_below: bool,
}

/// One hour or day.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Which, such as `14:00`.
    pub label: String,
    /// A value for each series.
    pub values: Vec<i64>,
    /// Where what it counts is listed.
    pub href: Option<String>,
}

/// Units of the drawing: a bar with its gap, and the height of all.
const STEP: i64 = 12;
const GAP: i64 = 2;
const HEIGHT: i64 = 100;
/// What is there can be seen, however little it is.
const LEAST: i64 = 2;

impl Series {
    const fn is_hatched(&self) -> bool {
        !matches!(self.tone, Tone::Ok | Tone::Info)
    }
}

impl Chart {
    /// How high each part of a bar is, from the bottom up.
    fn heights(&self, bar: &Bar, most: i64) -> Vec<i64> {
        let mut below = 0;
        let parts = self.series.iter().zip(&bar.values).map(|(series, value)| {
            let own = if series.includes_below { (value - below).max(0) } else { *value };
            below = *value;
            if own == 0 { 0 } else { (own * HEIGHT / most).max(LEAST) }
        });
        parts.collect()
    }

    fn total(&self, bar: &Bar) -> i64 {
        let mut total = 0;
        for (series, value) in self.series.iter().zip(&bar.values) {
            total = if series.includes_below { total.max(*value) } else { total + value };
        }
        total
    }

    /// The drawing, its words, and the table.
    pub fn view(&self) -> AnyView {
        let most = self.bars.iter().map(|bar| self.total(bar)).max().unwrap_or(0);
        let heading = format!("chart-{}", self.id);
        let drawing = if most == 0 { ().into_any() } else { self.drawing(most) };
        let legend = self.series.iter().map(|series| {
            let class = if series.is_hatched() { "swatch hatched" } else { "swatch" };
            view! { <li><span class=class data-tone=series.tone.as_str() aria-hidden="true"></span>{series.name}</li> }
        });
        let legend: Vec<_> = legend.collect();
        view! {
            <div class="card figure">
                <header><h2 id=heading.clone()>{self.title}</h2><ul class="legend row">{legend}</ul></header>
                <div class="pad">
                    <p>{self.summary.clone()}</p>
                    {drawing}
                    {self.table(&heading)}
                </div>
            </div>
        }
        .into_any()
    }

    fn drawing(&self, most: i64) -> AnyView {
        let width = STEP * i64::try_from(self.bars.len()).unwrap_or(0);
        let mut rects: Vec<AnyView> = vec![];
        for (number, bar) in (0_i64..).zip(&self.bars) {
            let mut top = HEIGHT;
            for (series, height) in self.series.iter().zip(self.heights(bar, most)) {
                if height == 0 {
                    continue;
                }
                top = (top - height).max(0);
                let fill = if series.is_hatched() {
                    format!("url(#hatch-{}-{})", self.id, series.tone.as_str())
                } else {
                    "currentColor".to_owned()
                };
                rects.push(
                    view! {
                        <g data-tone=series.tone.as_str()>
                            <rect x=number * STEP y=top width=STEP - GAP height=height fill=fill></rect>
                        </g>
                    }
                    .into_any(),
                );
            }
        }
        let hatches: Vec<_> = self
            .series
            .iter()
            .filter(|series| series.is_hatched())
            .map(|series| {
                let tone = series.tone.as_str();
                view! {
                    <pattern id=format!("hatch-{}-{tone}", self.id) width="4" height="4" patternUnits="userSpaceOnUse" data-tone=tone>
                        <rect width="4" height="4" class="ground"></rect>
                        <path d="M-1 1l2-2M0 4l4-4M3 5l2-2" stroke="currentColor" stroke-width="1.6"></path>
                    </pattern>
                }
            })
            .collect();
        let label = |bar: Option<&Bar>| bar.map(|bar| bar.label.clone()).unwrap_or_default();
        let ends = [label(self.bars.first()), label(self.bars.get(self.bars.len() / 2)), label(self.bars.last())];
        let ends = ends.map(|words| view! { <span>{words}</span> });
        view! {
            <p class="axis muted" aria-hidden="true">{format!("up to {}", (self.words)(most))}</p>
            <svg class="chart" viewBox=format!("0 0 {width} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
                <defs>{hatches}</defs>
                {rects}
            </svg>
            <p class="axis row between muted" aria-hidden="true">{ends}</p>
        }
        .into_any()
    }

    fn table(&self, heading: &str) -> AnyView {
        let head: Vec<_> =
            self.series.iter().map(|series| view! { <th scope="col" class="num">{series.name}</th> }).collect();
        let rows: Vec<_> = self
            .bars
            .iter()
            .map(|bar| {
                let label = bar.label.clone();
                let label = match &bar.href {
                    Some(href) => view! { <a href=href.clone()>{label}</a> }.into_any(),
                    None => label.into_any(),
                };
                let values: Vec<_> =
                    bar.values.iter().map(|value| view! { <td class="num">{(self.words)(*value)}</td> }).collect();
                view! { <tr><th scope="row">{label}</th>{values}</tr> }
            })
            .collect();
        let name = format!("{}, as a table", self.title);
        view! {
            <details class="more">
                <summary>"As a table"<span class="vh">": " {self.title}</span></summary>
                <section class="scroll" tabindex="0" aria-label=name>
                    <table class="tbl" aria-labelledby=heading.to_owned()>
                        <thead><tr><th scope="col">{self.unit}</th>{head}</tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </section>
            </details>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(includes_below: bool) -> Chart {
        let series = |name, tone, includes_below| Series { name, tone, includes_below };
        Chart {
            id: "events",
            title: "Events",
            summary: String::new(),
            unit: "Hour",
            series: vec![series("processed", Tone::Ok, false), series("failed", Tone::Bad, includes_below)],
            bars: vec![Bar { label: "14:00".into(), values: vec![900, 1000], href: None }],
            words: |value| value.to_string(),
        }
    }

    #[test]
    fn parts_are_stacked_and_what_is_included_is_drawn_once() {
        let apart = chart(false);
        assert_eq!(apart.total(&apart.bars[0]), 1900);
        assert_eq!(apart.heights(&apart.bars[0], 1900), [47, 52]);
        let within = chart(true);
        assert_eq!(within.total(&within.bars[0]), 1000);
        assert_eq!(within.heights(&within.bars[0], 1000), [90, 10]);
    }

    #[test]
    fn what_is_there_can_be_seen() {
        let mut chart = chart(false);
        chart.bars[0].values = vec![0, 1];
        assert_eq!(chart.heights(&chart.bars[0], 5000), [0, LEAST]);
    }
}
