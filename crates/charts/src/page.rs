//! The page around the blocks.

use crate::block::Block;
use crate::words::{Words, escaped};

/// A page of sections, in order.
#[derive(Clone, Debug)]
pub struct Page {
    title: Words,
    sections: Vec<(Words, Vec<Block>)>,
}

impl Page {
    /// An empty page.
    pub fn new(title: Words) -> Self {
        Self { title, sections: Vec::new() }
    }

    /// Adds a section. One without blocks is left out.
    #[must_use]
    pub fn section(mut self, heading: Words, blocks: Vec<Block>) -> Self {
        if !blocks.is_empty() {
            self.sections.push((heading, blocks));
        }
        self
    }

    /// The page as one HTML document. Equal pages give equal bytes.
    pub fn to_html(&self) -> String {
        let mut links = String::new();
        let mut body = String::new();
        for (idx, (heading, blocks)) in self.sections.iter().enumerate() {
            links.push_str(&format!("<li><a href=\"#s{idx}\">{}</a></li>", heading.html()));
            body.push_str(&format!("<section id=\"s{idx}\"><h2>{}</h2>", heading.html()));
            for block in blocks {
                body.push_str(block.html());
                body.push('\n');
            }
            body.push_str("</section>\n");
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <input type=\"radio\" name=\"language\" id=\"en\" checked><label for=\"en\">English</label>\n\
             <input type=\"radio\" name=\"language\" id=\"zh\"><label for=\"zh\" lang=\"zh-Hans\">中文</label>\n\
             <main>\n<h1>{}</h1>\n<nav><ul>{links}</ul></nav>\n{body}</main>\n</body>\n</html>\n",
            escaped(&self.title.en),
            self.title.html()
        )
    }
}

/// Which language is shown is decided by the chosen radio button, without a script.
const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--rule:#d9dee5;--paper:#fff;--bar:#2f6fb0;--warning:#b25a00;--good:#1f7a4d}
@media(prefers-color-scheme:dark){:root{--ink:#e7ebf0;--soft:#9aa7b5;--rule:#38424f;--paper:#151a20;--bar:#6ea8e0;--warning:#f0a24a;--good:#57c08b}}
body{font:16px/1.5 system-ui,'PingFang SC','Microsoft YaHei',sans-serif;color:var(--ink);background:var(--paper);margin:1rem auto;max-width:60rem;padding:0 1rem}
#zh:checked~main [lang=en],#en:checked~main [lang=zh]{display:none}
h1{font-size:1.6rem}h2{font-size:1.25rem;border-top:1px solid var(--rule);padding-top:1.2rem;margin-top:2rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;padding:0}a{color:var(--bar)}
figure{margin:1rem 0}figcaption{font-weight:600;margin-bottom:.4rem}details{color:var(--soft);margin-top:.3rem}
svg{width:100%;max-width:44rem;height:auto;font-size:13px}svg text{fill:var(--ink)}
.label{text-anchor:end}.middle{text-anchor:middle}svg text.light{fill:var(--paper)}
.bar{fill:var(--bar)}.rule{stroke:var(--rule);stroke-width:1}
.line{fill:none;stroke:currentColor;stroke-width:2}.reference{stroke-dasharray:5 4}
.c0{color:#2f6fb0}.c1{color:#c4572b}.c2{color:#2a8c63}.c3{color:#8a4fb0}.c4{color:#8a7a1f}.c5{color:#5b6675}
.keys{margin:0}.key{margin-right:1rem}.key::before{content:'';display:inline-block;width:1rem;height:.25rem;background:currentColor;margin-right:.4rem;vertical-align:middle}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .7rem;border-bottom:1px solid var(--rule);text-align:right}th:first-child{text-align:left}
.facts{display:flex;flex-wrap:wrap;gap:.6rem 2rem}.facts dt{color:var(--soft)}.facts dd{margin:0;font-size:1.25rem}
.note{border-left:4px solid var(--bar);padding:.3rem .8rem}.warning{border-color:var(--warning)}.good{border-color:var(--good)}
@media print{input,label,nav{display:none}section{break-inside:avoid}}
";
