//! The report as a page.

use super::svg_in;
use super::{Block, Link, Report, ReportFigure, ReportTable, Section, manifest_lines};
use crate::page::Page;
use crate::svg::escape;
use crate::table::{Align, Cell, Column, Table};
use attn_core::Manifest;
use std::fmt::Write;

const STYLE: &str = include_str!("../../assets/report.css");
const SCRIPT: &str = include_str!("../../assets/report.js");

/// Tables with more rows are folded up.
const FOLD: usize = 40;
/// Rows of one table that a browser lays out without delay; what is beyond is in the CSV file.
const MOST_ROWS: usize = 5000;

impl Report {
    /// The page.
    pub fn html(&self) -> String {
        let mut body = String::new();
        let _ = write!(
            body,
            "<a class=\"skip\" href=\"#main\">Skip to the results</a>\n<header class=\"row spread top\"><div><h1>{}</h1>{}</div>\
             <div class=\"row no-print\"><button id=\"theme\" type=\"button\" aria-label=\"Switch between light and dark\">Dark</button></div></header>\n\
             <div id=\"live\" class=\"hidden-text\" role=\"status\" aria-live=\"polite\"></div>\n<div class=\"sheet\">",
            escape(&self.title),
            paragraphs(&self.text)
        );
        self.contents(&mut body);
        body.push_str("<main id=\"main\">\n");
        if !self.claims.is_empty() {
            super::claims_page::write(self, &mut body);
        }
        let mut figures = 0;
        for (index, section) in self.sections.iter().enumerate() {
            section_html(index, section, &mut figures, &mut body);
        }
        body.push_str("</main></div>\n");
        Page {
            title: &self.title,
            body: &body,
            data: None,
            style: STYLE,
            scripts: &[SCRIPT],
        }
        .html()
    }

    fn contents(&self, out: &mut String) {
        out.push_str("<nav aria-label=\"Contents\" class=\"no-print\"><ol>");
        if !self.claims.is_empty() {
            out.push_str("<li><a href=\"#claims\">The paper's claims</a></li>");
        }
        let mut figures = 0;
        for (index, section) in self.sections.iter().enumerate() {
            let _ = write!(
                out,
                "<li><a href=\"#s{index}\">{}</a><ul>",
                escape(&section.title)
            );
            for block in &section.blocks {
                if let Block::Figure(figure) = block {
                    let _ = write!(
                        out,
                        "<li><a href=\"#fig{figures}\">{}</a></li>",
                        escape(&figure.name)
                    );
                    figures += 1;
                }
            }
            out.push_str("</ul></li>");
        }
        out.push_str("</ol></nav>\n");
    }
}

fn paragraphs(text: &[String]) -> String {
    text.iter()
        .map(|t| format!("<p class=\"muted\">{}</p>", escape(t)))
        .collect()
}

fn links(links: &[Link]) -> String {
    let one = |l: &Link| format!("<a href=\"{}\">{}</a>", escape(l.href()), escape(&l.label));
    links.iter().map(one).collect::<Vec<_>>().join(" · ")
}

fn section_html(index: usize, section: &Section, figures: &mut usize, out: &mut String) {
    let _ = write!(
        out,
        "<section class=\"card\" id=\"s{index}\"><h2>{}</h2>{}",
        escape(&section.title),
        paragraphs(&section.text)
    );
    if !section.links.is_empty() {
        let _ = write!(out, "<p>Files of this run: {}</p>", links(&section.links));
    }
    out.push('\n');
    for block in &section.blocks {
        match block {
            Block::Figure(figure) => {
                figure_html(*figures, figure, out);
                *figures += 1;
            }
            Block::Table(table) => table_block(table, out),
        }
    }
    if let Some(manifest) = &section.manifest {
        manifest_html(manifest, out);
    }
    out.push_str("</section>\n");
}

fn figure_html(number: usize, figure: &ReportFigure, out: &mut String) {
    let description = svg_in::description(&figure.svg);
    let _ = write!(
        out,
        "<figure id=\"fig{number}\" data-name=\"{}\"><div class=\"scroll paper\" tabindex=\"0\" role=\"group\" \
         aria-label=\"{}: arrow keys read its values\">{}</div><figcaption><span>{}</span>\
         <span class=\"row no-print\"><button type=\"button\" data-save=\"svg\">SVG</button>\
         <button type=\"button\" data-save=\"png\">PNG</button></span>",
        escape(&figure.name),
        escape(&figure.name),
        svg_in::inline(&figure.svg, &format!("fig{number}-"), &figure.name),
        links(&figure.links)
    );
    if let Some(text) = description {
        let _ = write!(
            out,
            "<details><summary>In words</summary><p>{}</p></details>",
            escape(&text)
        );
    }
    out.push_str("</figcaption></figure>\n");
}

fn table_block(block: &ReportTable, out: &mut String) {
    let table = &block.table;
    let title = if table.title.is_empty() {
        &block.name
    } else {
        &table.title
    };
    let rows = table.rows.len();
    if rows > FOLD {
        let _ = write!(
            out,
            "<details class=\"table\"><summary>{} <small>({rows} rows)</small></summary>",
            escape(title)
        );
    } else {
        let _ = write!(out, "<div class=\"table\"><h3>{}</h3>", escape(title));
    }
    let _ = write!(
        out,
        "<p class=\"row\"><small>{}</small>",
        links(&block.links)
    );
    if rows > 12 {
        out.push_str("<label class=\"row no-print\"><small>Rows with</small> <input type=\"search\" class=\"filter\"></label>");
    }
    let _ = write!(
        out,
        "<button type=\"button\" class=\"no-print\" data-csv=\"{}\">CSV</button></p>",
        escape(&block.name)
    );
    if rows > MOST_ROWS {
        let _ = write!(
            out,
            "<p class=\"muted\">The first {MOST_ROWS} of {rows} rows; the file has all.</p>"
        );
    }
    table_html(table, title, out);
    out.push_str(if rows > FOLD {
        "</details>\n"
    } else {
        "</div>\n"
    });
}

fn table_html(table: &Table, label: &str, out: &mut String) {
    let _ = write!(
        out,
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"group\" aria-label=\"{}\"><table class=\"sortable\"><thead><tr>",
        escape(label)
    );
    let right = |c: &Column| {
        if c.align == Align::Right {
            " class=\"n\""
        } else {
            ""
        }
    };
    for column in &table.columns {
        let _ = write!(
            out,
            "<th scope=\"col\"{}><button type=\"button\">{}</button></th>",
            right(column),
            escape(&column.head(""))
        );
    }
    // End tags of rows and cells are optional in HTML; large tables are a third smaller without.
    out.push_str("</tr></thead><tbody>\n");
    for row in table.rows.iter().take(MOST_ROWS) {
        out.push_str("<tr>");
        for (index, column) in table.columns.iter().enumerate() {
            let cell = row.get(index).unwrap_or(&Cell::Missing);
            let value = match cell {
                Cell::Number { value, .. } | Cell::Interval { value, .. } if value.is_finite() => {
                    format!(" data-v=\"{value}\"")
                }
                Cell::Text(_) => String::new(),
                _ => " data-v=\"\"".to_owned(),
            };
            let _ = write!(out, "<td{}{value}>{}", right(column), escape(&cell.shown()));
        }
        out.push('\n');
    }
    out.push_str("</tbody></table></div>");
}

fn manifest_html(manifest: &Manifest, out: &mut String) {
    if !manifest.notes.is_empty() {
        out.push_str("<h3>What a reader of these numbers must know</h3><ul>");
        for note in &manifest.notes {
            let _ = write!(out, "<li>{}</li>", escape(note));
        }
        out.push_str("</ul>");
    }
    out.push_str(
        "<details class=\"manifest\"><summary>Manifest: what this run was made from</summary><dl>",
    );
    for (name, value) in manifest_lines(manifest) {
        let _ = write!(out, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    out.push_str("</dl>");
    let inputs = Table {
        columns: vec![
            Column::text("input"),
            Column::text("file"),
            Column::number("bytes"),
            Column::text("sha256"),
        ],
        rows: manifest
            .inputs
            .iter()
            .map(|i| {
                vec![
                    Cell::text(&i.role),
                    Cell::text(&i.file),
                    Cell::number(i.bytes as f64, 0),
                    Cell::text(&i.sha256),
                ]
            })
            .collect(),
        ..Table::default()
    };
    table_html(&inputs, "Inputs with their hashes", out);
    out.push_str("</details>\n");
}
