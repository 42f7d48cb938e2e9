#include "page_style.h"

namespace attune::report {

// Series colours c1 to c8 differ in lightness as well as hue; heat steps h0 to h10 are one hue from
// ground to full, and t0 to t10 the text that is read on them. The dark theme turns the ramp round.
// Print is always light.
std::string_view page_style() {
  return R"css(
:root{color-scheme:light dark;
--ground:#fbfaf8;--card:#ffffff;--ink:#22262d;--soft:#5d6470;--faint:#727985;--line:#e4e1db;--rule:#cfcbc3;
--accent:#1f5fa8;--good:#1d7a4c;--warning:#8f5a00;--bad:#b3282d;--good-bg:#edf7f1;--warning-bg:#fdf4e3;--bad-bg:#fdeeee;--plain-bg:#f1f4f8;
--c1:#1f5fa8;--c2:#d9821b;--c3:#12907a;--c4:#8e3f8f;--c5:#a8930f;--c6:#cf4257;--c7:#4a9bd0;--c8:#6b7280;
--h0:#f3f6fa;--h1:#e3ecf6;--h2:#d0e1f1;--h3:#b8d2ea;--h4:#9cc0e1;--h5:#7dacd6;--h6:#5c94c7;--h7:#3f7cb6;--h8:#2b67a3;--h9:#1c538c;--h10:#123f70;
--lowtext:#22262d;--hightext:#ffffff}
@media (prefers-color-scheme:dark){:root{
--ground:#14171b;--card:#1b1f25;--ink:#e4e6ea;--soft:#a9b0bb;--faint:#8b93a0;--line:#2b3139;--rule:#434b56;
--accent:#7db5ee;--good:#62c795;--warning:#e5b155;--bad:#f28b8b;--good-bg:#16291f;--warning-bg:#2c2415;--bad-bg:#311b1d;--plain-bg:#1f2630;
--c1:#5b9fe3;--c2:#f0a94a;--c3:#3fc0a4;--c4:#cd8ccf;--c5:#e0cc58;--c6:#ee7585;--c7:#a9d8f2;--c8:#98a2b0;
--h0:#1f2731;--h1:#213243;--h2:#233f5a;--h3:#264d72;--h4:#2b5d8c;--h5:#346fa5;--h6:#4683bb;--h7:#6199cc;--h8:#82b0da;--h9:#a7c9e7;--h10:#cfe2f3;
--lowtext:#e4e6ea;--hightext:#10151b}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans",Arial,"PingFang SC","Hiragino Sans GB","Microsoft YaHei","Noto Sans CJK SC","Noto Sans SC","Source Han Sans SC",sans-serif;overflow-wrap:anywhere}
:lang(zh){line-height:1.75}
.page{max-width:860px;margin:0 auto;padding:48px 24px 64px}
header{margin:0 0 32px}
h1{font-size:32px;line-height:1.25;font-weight:650;letter-spacing:-.012em;margin:0}
.subtitle{color:var(--soft);margin:10px 0 0;font-size:17px}
h2{font-size:22px;line-height:1.3;font-weight:630;letter-spacing:-.006em;margin:56px 0 16px;padding-top:20px;border-top:1px solid var(--line)}
h3{font-size:17px;line-height:1.4;font-weight:630;margin:32px 0 10px}
:lang(zh) h1,:lang(zh) h2,h1:lang(zh){letter-spacing:0}
p{margin:0 0 14px;max-width:70ch}
ul{margin:0 0 16px;padding-left:1.3em;max-width:70ch}li{margin:4px 0}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:3px}
code{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;background:var(--plain-bg);padding:.12em .35em;border-radius:4px}
pre{background:var(--plain-bg);padding:14px 16px;border-radius:8px;overflow-x:auto;margin:0 0 18px;overflow-wrap:normal}
pre code{background:none;padding:0}.note code{background:rgba(127,127,127,.14)}
nav{margin:0 0 8px;padding:18px 22px;background:var(--card);border:1px solid var(--line);border-radius:10px}
nav b{display:block;font-size:13px;font-weight:600;color:var(--faint);margin-bottom:6px}
nav ol{margin:0;padding:0;list-style:none;columns:2;column-gap:32px}
nav li{margin:0;padding:3px 0;break-inside:avoid}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(176px,1fr));gap:12px;margin:0 0 22px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px 12px}
.tile .l{font-size:13px;line-height:1.4;color:var(--soft)}
.tile .v{font-size:25px;line-height:1.3;font-weight:630;font-variant-numeric:tabular-nums;letter-spacing:-.01em;margin-top:2px}
.tile .d{font-size:13px;line-height:1.45;color:var(--faint);margin-top:2px}
.good .v,td.good{color:var(--good)}.warning .v,td.warning{color:var(--warning)}.bad .v,td.bad{color:var(--bad)}
td.strong{font-weight:630}td.faint,.faint .v{color:var(--faint)}
.note{border-left:3px solid var(--rule);background:var(--plain-bg);border-radius:0 8px 8px 0;padding:12px 18px;margin:0 0 18px}
.note p{margin:0 0 6px}.note p:last-child{margin:0}
.note.good{border-color:var(--good);background:var(--good-bg)}.note.warning{border-color:var(--warning);background:var(--warning-bg)}.note.bad{border-color:var(--bad);background:var(--bad-bg)}
.scroll{overflow-x:auto;margin:0 0 8px}
.table{margin:0 0 24px}
table{border-collapse:collapse;width:100%;font-size:14.5px;line-height:1.5}
.title{font-weight:630;font-size:15px;margin:0 0 8px;text-align:left}
th{font-weight:600;color:var(--soft);text-align:left;font-size:13px;border-bottom:1px solid var(--rule);padding:6px 14px 6px 0;vertical-align:bottom}
td{border-bottom:1px solid var(--line);padding:7px 14px 7px 0;vertical-align:top;unicode-bidi:isolate;min-width:4em}
tr.sep td{border-top:1px solid var(--rule)}
td.k{overflow-wrap:normal;word-break:keep-all}
th.n,td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;overflow-wrap:normal;padding-left:14px;min-width:0}
th:last-child,td:last-child{padding-right:0}
details{margin:0 0 18px}summary{cursor:pointer;color:var(--accent);font-size:14.5px;padding:4px 0}
figure{margin:0 0 28px;padding:18px 20px 16px;background:var(--card);border:1px solid var(--line);border-radius:10px;break-inside:avoid;min-width:0}
figcaption{font-size:15px;font-weight:630;line-height:1.4;margin:0 0 14px}
.caption{font-size:13.5px;line-height:1.55;color:var(--soft);margin:12px 0 0;max-width:75ch}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:16px;align-items:start}
.pair figure{margin-bottom:16px}
footer{margin-top:64px;padding-top:16px;border-top:1px solid var(--line);color:var(--faint);font-size:13px}
svg.chart{display:block;width:100%;height:auto;max-width:820px;overflow:visible}
.narrow svg.chart{max-width:440px}
figure>.narrow{display:none}.pair figure>.narrow{display:block}
svg text{font-size:12px;font-family:inherit;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .tick{fill:var(--soft)}svg .faint{fill:var(--faint)}svg .value{fill:var(--soft)}svg .strong{font-weight:630}
svg .cell{font-size:11px}
svg .grid{stroke:var(--line)}svg .axis{stroke:var(--rule)}
svg .reference{stroke:var(--faint);stroke-dasharray:4 3}
svg .nothing{fill:none;stroke:var(--rule);stroke-dasharray:4 4}
.c1{color:var(--c1);fill:currentColor}.c2{color:var(--c2);fill:currentColor}.c3{color:var(--c3);fill:currentColor}.c4{color:var(--c4);fill:currentColor}.c5{color:var(--c5);fill:currentColor}.c6{color:var(--c6);fill:currentColor}.c7{color:var(--c7);fill:currentColor}.c8{color:var(--c8);fill:currentColor}
svg .part{stroke:var(--card);stroke-width:1}
svg .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
svg .band{stroke:none;fill-opacity:.16}
svg .whisker{stroke:currentColor;stroke-width:2}
svg .point{fill-opacity:.55}
svg .hit{fill-opacity:0}svg .hit:hover{fill-opacity:1}
svg rect:hover,svg .point:hover{fill-opacity:.8}
.h0{fill:var(--h0)}.h1{fill:var(--h1)}.h2{fill:var(--h2)}.h3{fill:var(--h3)}.h4{fill:var(--h4)}.h5{fill:var(--h5)}.h6{fill:var(--h6)}.h7{fill:var(--h7)}.h8{fill:var(--h8)}.h9{fill:var(--h9)}.h10{fill:var(--h10)}
svg .t0,svg .t1,svg .t2,svg .t3,svg .t4,svg .t5{fill:var(--lowtext)}svg .t6,svg .t7,svg .t8,svg .t9,svg .t10{fill:var(--hightext)}
@media (max-width:680px){
.page{padding:28px 16px 48px}h1{font-size:26px}h2{margin-top:44px}nav ol{columns:1}
.tiles{grid-template-columns:1fr 1fr}.tile .v{font-size:21px}.pair{grid-template-columns:1fr;gap:0}
figure{padding:14px 14px 12px}figure>.wide{display:none}figure>.narrow{display:block}.narrow svg.chart{max-width:520px}}
@media print{:root{--ground:#fff;--card:#fff;--ink:#111;--soft:#444;--faint:#666;--line:#ddd;--rule:#bbb;--accent:#1f5fa8;
--good:#1d7a4c;--warning:#8f5a00;--bad:#b3282d;--good-bg:#fff;--warning-bg:#fff;--bad-bg:#fff;--plain-bg:#f5f5f5;
--c1:#1f5fa8;--c2:#d9821b;--c3:#12907a;--c4:#8e3f8f;--c5:#a8930f;--c6:#cf4257;--c7:#4a9bd0;--c8:#6b7280;
--h0:#f3f6fa;--h1:#e3ecf6;--h2:#d0e1f1;--h3:#b8d2ea;--h4:#9cc0e1;--h5:#7dacd6;--h6:#5c94c7;--h7:#3f7cb6;--h8:#2b67a3;--h9:#1c538c;--h10:#123f70;--lowtext:#22262d;--hightext:#fff}
body{font-size:11pt}.page{max-width:none;padding:0}h2{break-after:avoid}tr,.tile,.note{break-inside:avoid}thead{display:table-header-group}nav{display:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
)css";
}

}  // namespace attune::report
