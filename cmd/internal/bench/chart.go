package main

import (
	"bytes"
	"fmt"
	"html"
)

// The chart's measures, in pixels.
const (
	chartWidth = 760
	chartLeft  = 110
	chartRight = 110
	barHeight  = 14
	barGap     = 4
	groupGap   = 34
)

// colours of the peers, in the order of the tables; they are legible on white and on black.
var colours = map[string]string{
	nameDrive: "#2f81f7", nameBefore: "#a5c8ff", nameRaw: "#8b949e", nameHash: "#b08800", nameTusd: "#bf5af2", nameNginx: "#2da44e",
}

// chart draws a group of bars for each row that has a rate, each group to a scale of its own.
func (r *report) chart() []byte {
	var b bytes.Buffer
	y := 10
	for _, res := range r.Rows {
		for _, m := range res.metrics {
			if m.chart && len(res.Samples) > 1 {
				y = res.bars(&b, m, y+groupGap)
			}
		}
	}
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n"+
		`<rect width="100%%" height="100%%" fill="white"/>`+"\n", chartWidth, y+20, chartWidth, y+20)
	return append(append([]byte(head), b.Bytes()...), "</svg>\n"...)
}

// bars draws one group below y and returns where it ends.
func (r result) bars(b *bytes.Buffer, m metric, y int) int {
	fmt.Fprintf(b, `<text x="10" y="%d" font-weight="bold">%s (%s)</text>`+"\n", y-8, html.EscapeString(r.Title), html.EscapeString(m.unit))
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
		scale := float64(chartWidth-chartLeft-chartRight) / most
		mid := y + barHeight/2
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, chartLeft-8, y+barHeight-3, html.EscapeString(peer))
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.0f" height="%d" fill="%s"/>`, chartLeft, y, s.Median*scale, barHeight, colours[peer])
		fmt.Fprintf(b, `<line x1="%.0f" x2="%.0f" y1="%d" y2="%d" stroke="#24292f"/>`,
			chartLeft+s.Low*scale, chartLeft+s.High*scale, mid, mid)
		fmt.Fprintf(b, `<text x="%.0f" y="%d">%s</text>`+"\n", chartLeft+s.High*scale+6, y+barHeight-3, figure(s.Median))
		y += barHeight + barGap
	}
	return y
}
