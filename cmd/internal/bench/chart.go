package main

import (
	"bytes"
	"fmt"
	"html"
)

// The chart's measures, in pixels.
const (
	chartWidth = 760
	chartLeft  = 118
	chartRight = 96
	chartHead  = 64
	barHeight  = 15
	barGap     = 5
	groupGap   = 46
)

// colours of the peers. The drive's stands out.
var colours = map[string]string{
	nameDrive: "#2563eb", nameBefore: "#93b4f5", nameRaw: "#c3cad5", nameHash: "#aab4c3", nameTusd: "#b9a7d6", nameNginx: "#9ccbb0",
	nameRclone: "#d9b58f", nameDirect: "#c3cad5",
}

const chartStyle = `<style>
text { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; font-size: 12px; fill: #475467; }
.head { font-size: 16px; font-weight: 600; fill: #101828; } .title { font-size: 13px; font-weight: 600; fill: #101828; }
.ours { font-weight: 600; fill: #1d4ed8; } .spread { stroke: #101828; stroke-opacity: .45; } .rule { stroke: #eaecf0; }
</style>
`

// chart draws a group of bars for each row that has a rate, each group to a scale of its own.
func (r *report) chart() []byte {
	var b bytes.Buffer
	y := chartHead - groupGap/2
	for _, res := range r.Rows {
		for _, m := range res.metrics {
			if m.chart && len(res.Samples) > 1 {
				y = res.bars(&b, m, y+groupGap)
			}
		}
	}
	height := y + 24
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n"+chartStyle+
		`<path d="M0 0h%dv%dH0z" fill="#ffffff"/>`+"\n", chartWidth, height, chartWidth, height, chartWidth, height)
	head += fmt.Sprintf(`<text class="head" x="20" y="32">Longer is faster</text><text x="20" y="50">%d CPUs, client included; medians, and lines from the lowest to the highest</text>`+"\n", r.CPUs)
	return append(append([]byte(head), b.Bytes()...), "</svg>\n"...)
}

// bars draws one group below y and returns where it ends.
func (r result) bars(b *bytes.Buffer, m metric, y int) int {
	fmt.Fprintf(b, `<path class="rule" d="M20 %dH%d"/>`, y-28, chartWidth-20)
	fmt.Fprintf(b, `<text class="title" x="20" y="%d">%s<tspan font-weight="400" fill="#667085"> · %s</tspan></text>`+"\n",
		y-9, html.EscapeString(r.Title), html.EscapeString(m.unit))
	most := 0.0
	for _, peer := range order {
		if s, ok := r.of(peer, m.key); ok {
			most = max(most, s.High)
		}
	}
	for _, peer := range order {
		s, ok := r.of(peer, m.key)
		if !ok || most == 0 {
			continue
		}
		bar(b, peer, s, y, float64(chartWidth-chartLeft-chartRight)/most)
		y += barHeight + barGap
	}
	return y
}

// bar draws the median of one peer and the spread around it.
func bar(b *bytes.Buffer, peer string, s spread, y int, scale float64) {
	class := ""
	if peer == nameDrive {
		class = ` class="ours"`
	}
	text, mid := y+barHeight-3, float64(y)+barHeight/2.0
	low, high := chartLeft+s.Low*scale, chartLeft+s.High*scale
	fmt.Fprintf(b, `<text%s x="%d" y="%d" text-anchor="end">%s</text>`, class, chartLeft-10, text, html.EscapeString(peer))
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="3" fill="%s"/>`, chartLeft, y, s.Median*scale, barHeight, colours[peer])
	fmt.Fprintf(b, `<path class="spread" d="M%.1f %.1fH%.1fM%.1f %.1fv6M%.1f %.1fv6"/>`, low, mid, high, low, mid-3, high, mid-3)
	fmt.Fprintf(b, `<text%s x="%.1f" y="%d">%s</text>`+"\n", class, max(high, chartLeft+s.Median*scale)+8, text, figure(s.Median))
}
