//go:build unix

package main

import (
	"fmt"
	"math"
	"strings"
)

// A plot shows for each series which part of its runs took how long: a line that rises early and steeply is fast
// and steady.
type plot struct {
	title  string
	series []series
}

type series struct {
	name   string
	colour string
	sample
}

// The colours keep their distance for people who see fewer of them.
const (
	grey   = "#8a8f98"
	blue   = "#0072b2"
	orange = "#d55e00"
	green  = "#009e73"
)

func (m measurements) warmPlot() plot {
	return plot{"A warm webhook, from the event to its answer", []series{
		{"empty Lambda", grey, m.warm.wall[empty]},
		{"two POSTs and nothing else", blue, m.warm.wall[posts]},
		{"vicihook", orange, m.warm.wall[ours]},
	}}
}

func (m measurements) coldPlot() plot {
	return plot{"A start, from exec to the first answer", []series{
		{"empty Lambda", grey, m.cold.answered[start{empty, atOnce}]},
		{"two POSTs and nothing else", blue, m.cold.answered[start{posts, atOnce}]},
		{"two POSTs and one secret", green, m.cold.answered[start{posts, atOnce}].plus(m.secret)},
		{"vicihook, secrets after the webhook", orange, m.cold.answered[start{ours, after}]},
	}}
}

// The drawing's size above its legend, and the place of its axes, in pixels.
const (
	width, height            = 760, 400
	left, right, top, bottom = 56, 24, 48, 56
	legendLine               = 20
)

func (p plot) svg() string {
	longest := p.reach()
	step := tick(longest)
	scale := axis{most: math.Ceil(longest/step) * step}
	whole := height + legendLine*len(p.series)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img" aria-label="%s">`+"\n",
		width, whole, p.title)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, whole)
	fmt.Fprintf(&b, `<text x="%d" y="26" font-size="16" fill="#1f2328">%s</text>`+"\n", left, p.title)
	scale.draw(&b, step)
	for i, s := range p.series {
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`+"\n", s.colour, scale.points(s.sample))
		y := height + legendLine*i + 8
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s" stroke-width="3"/>`, left, left+24, y-4, y-4, s.colour)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#1f2328">%s: %.2f ms</text>`+"\n", left+32, y, s.name, s.median())
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// reach is how far the axis goes: to nearly all runs, but not so far after those that a busy machine delayed that the
// others are crowded together.
func (p plot) reach() (longest float64) {
	for _, s := range p.series {
		longest = max(longest, min(s.at(0.95), 2*s.median()))
	}
	return longest
}

// tick is the distance of marks that makes four to nine of them.
func tick(most float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(most)))
	for _, step := range []float64{0.1, 0.2, 0.5, 1} {
		if most/(step*power) <= 9 {
			return step * power
		}
	}
	return 2 * power
}

// An axis lays milliseconds out from left to right, and parts of a sample from bottom to top.
type axis struct{ most float64 }

func (a axis) x(value float64) float64 { return left + value/a.most*(width-left-right) }
func (axis) y(part float64) float64    { return height - bottom - part*(height-top-bottom) }

func (a axis) draw(b *strings.Builder, step float64) {
	for n := 0; float64(n)*step <= a.most*1.001; n++ {
		value := float64(n) * step
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#d8dee4"/>`, a.x(value), a.x(value), a.y(0), a.y(1))
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#57606a">%.4g</text>`+"\n", a.x(value), a.y(0)+18, value)
	}
	for part := 0.0; part <= 1; part += 0.25 {
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#d8dee4"/>`, a.x(0), a.x(a.most), a.y(part), a.y(part))
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end" fill="#57606a">%.0f %%</text>`+"\n", left-8, a.y(part)+4, part*100)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" fill="#57606a">milliseconds; of all runs so many took no longer</text>`+"\n",
		(left+width-right)/2, height-14)
}

// points draws a sample as far as the axis reaches, at each of its two-hundredths.
func (a axis) points(s sample) string {
	const parts = 200
	var points []string
	for i := range parts + 1 {
		part := float64(i) / parts
		if value := s.at(part); value <= a.most {
			points = append(points, fmt.Sprintf("%.1f,%.1f", a.x(value), a.y(part)))
		}
	}
	return strings.Join(points, " ")
}
