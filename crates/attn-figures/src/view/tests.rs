//! The explorer's page.

use super::*;
use attn_core::HeadId;

const HOSTILE: &str = "</script><script>alert(1)</script>";

fn tokens(n: usize) -> Vec<ViewToken> {
    (0..n)
        .map(|i| ViewToken {
            text: if i == 1 {
                HOSTILE.into()
            } else {
                format!("t{i}")
            },
            segment: 0,
            special: i == 0,
        })
        .collect()
}

/// Uniform attention: 2 layers of 3 heads, 4 tokens.
fn spec(maps: &[f32]) -> ViewSpec<'_> {
    ViewSpec {
        title: "<img src=x onerror=alert(1)>".into(),
        texts: vec![HOSTILE.into()],
        tokens: tokens(4),
        layers: 2,
        heads: 3,
        models: vec![ViewModel {
            name: "m".into(),
            role: String::new(),
            maps,
        }],
        statistics: vec![HeadStatistic {
            id: "entropy".into(),
            name: "entropy".into(),
            explanation: String::new(),
            digits: 2,
            values: vec![HeadGrid::from_fn(2, 3, |h| {
                if h.head == 0 { f64::NAN } else { 2.0 }
            })],
        }],
        effects: Some(HeadEffects {
            mode: "uniform".into(),
            labels: vec!["no".into(), "yes".into()],
            baseline: vec![0.0, 1.0],
            heads: HeadGrid::from_fn(2, 3, |h| vec![h.layer as f32, 1.0]),
        }),
        ..ViewSpec::default()
    }
}

fn data(html: &str) -> Value {
    let start = html.find("id=\"data\">").unwrap() + 10;
    let end = html[start..].find("</script>").unwrap() + start;
    serde_json::from_str(&html[start..end]).unwrap()
}

#[test]
fn the_page_holds_what_it_was_given_as_data() {
    let maps = vec![0.25; 6 * 16];
    let view = spec(&maps).render().unwrap();
    assert_eq!(view.precision, Precision::Linear16);
    let data = data(&view.html);
    assert_eq!(data["tokens"][1], HOSTILE);
    assert_eq!(data["effects"]["heads"][4], json!([1.0, 1.0]));
    assert_eq!(
        data["statistics"][0]["values"][0][0],
        Value::Null,
        "not a number is missing"
    );
    assert_eq!(data["statistics"][0]["values"][0][1], 2.0);
    assert!(!view.html.contains("<img") && !view.html.contains("<script>alert"));
    assert!(view.html.contains("default-src 'none'"));
    assert_eq!(
        view,
        spec(&maps).render().unwrap(),
        "the same input, the same bytes"
    );
}

#[test]
fn what_does_not_fit_is_named() {
    let maps = vec![0.25; 6 * 16];
    let error = |change: &dyn Fn(&mut ViewSpec<'_>)| {
        let mut spec = spec(&maps);
        change(&mut spec);
        spec.render().unwrap_err().to_string()
    };
    assert!(error(&|s| s.models.clear()).contains("found 0"));
    assert!(error(&|s| s.tokens.truncate(3)).contains("96 values, expected 54"));
    assert!(error(&|s| s.heads = 0).contains("0 heads"));
    assert!(
        error(&|s| s.statistics[0].values[0] = HeadGrid::from_fn(2, 2, |_| 0.0))
            .contains("'entropy'")
    );
    let e = error(&|s| s.effects.as_mut().unwrap().heads.values_mut()[5] = vec![0.0]);
    assert!(e.contains(&HeadId::new(1, 2).to_string()), "{e}");
    for bad in [f32::NAN, 1.5, -0.1] {
        let mut maps = maps.clone();
        maps[4 * 16 + 6] = bad;
        let e = spec(&maps).render().unwrap_err().to_string();
        assert!(
            e.contains("layer 2, head 2") && e.contains("query 1, key 2"),
            "{e}"
        );
    }
}

#[test]
fn two_models_of_the_papers_grid_stay_under_the_aim() {
    let maps = vec![1.0 / 128.0; 144 * 128 * 128];
    let model = |name: &str| ViewModel {
        name: name.into(),
        role: String::new(),
        maps: &maps,
    };
    let spec = ViewSpec {
        tokens: tokens(128),
        layers: 12,
        heads: 12,
        models: vec![model("a"), model("b")],
        ..ViewSpec::default()
    };
    let view = spec.render().unwrap();
    assert_eq!(view.precision.bits(), 16);
    assert!(view.html.len() < SIZE_AIM, "{}", view.html.len());
}
