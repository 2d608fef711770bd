package render

import (
	"cmp"
	"fmt"
	"slices"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

const (
	maxDrawn = 24 // lanes; the rest are counted

	laneHeight  = 22
	labelWidth  = 250
	chartWidth  = 760
	chartMargin = 26 // above the lanes, for the times
	ticks       = 5

	maxName = 24 // characters beside a lane
	maxRole = 14
)

// chart is the timeline as an SVG, in units of its viewBox.
type chart struct {
	Width, Height int
	Label         string // for screen readers
	Step          string
	Lanes         []drawnLane
	Ticks         []tick
	More          int // lanes that aren't drawn
	MoreEvents    int
}

type drawnLane struct {
	Class string
	Name  string
	Role  string
	Total int
	Y     int
	Bars  []bar
}

// ShortName returns the name, cut to fit beside the lane. The title has it in full.
func (l drawnLane) ShortName() string { return shortened(l.Name, maxName) }

// ShortRole returns the role, cut in the same way.
func (l drawnLane) ShortRole() string { return shortened(l.Role, maxRole) }

func shortened(s string, limit int) string {
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}

type bar struct {
	X, Width float64
	Opacity  string
	Title    string
}

type tick struct {
	X    float64
	Text string
}

// chartOf draws a lane for each reader and role, denials and changes first.
func chartOf(t inquiry.Timeline) chart {
	if t.Buckets == 0 {
		return chart{}
	}
	c := chart{Width: labelWidth + chartWidth, Step: t.Step, Ticks: ticksOf(t), MoreEvents: t.More}
	lanes := shownLanes(t)
	c.More = len(t.Lanes) - len(lanes)
	for i, lane := range lanes {
		c.Lanes = append(c.Lanes, drawLane(t, lane, chartMargin+i*laneHeight))
	}
	c.Height = chartMargin + len(c.Lanes)*laneHeight
	c.Label = fmt.Sprintf("Events by reader and role from %s in %s of %s", timestamp(t.Start), words.Count(t.Buckets, "step"), c.Step)
	return c
}

// shownLanes returns the lanes to draw, denials and changes first.
func shownLanes(t inquiry.Timeline) []inquiry.Lane {
	lanes := slices.Clone(t.Lanes)
	slices.SortStableFunc(lanes, func(a, b inquiry.Lane) int { return cmp.Compare(usual(a), usual(b)) })
	return lanes[:min(len(lanes), maxDrawn)]
}

func usual(lane inquiry.Lane) int {
	if lane.Kind == auditlog.Read {
		return 1
	}
	return 0
}

// laneName returns a lane's reader, or what its events are if readers share it.
func laneName(lane inquiry.Lane) string {
	switch lane.Kind {
	case auditlog.Read:
		return Visible(lane.Reader)
	case auditlog.Denied:
		return "denied or failed"
	default:
		return "changes and rotations"
	}
}

func drawLane(t inquiry.Timeline, lane inquiry.Lane, y int) drawnLane {
	drawn := drawnLane{Class: classOf(string(lane.Kind)), Name: laneName(lane), Role: Visible(lane.Role), Total: lane.Total, Y: y}
	busiest := 0
	for _, n := range lane.Counts {
		busiest = max(busiest, n)
	}
	width := float64(chartWidth) / float64(t.Buckets)
	for bucket := range t.Buckets {
		n := lane.Counts[bucket]
		if n == 0 {
			continue
		}
		drawn.Bars = append(drawn.Bars, bar{
			X: labelWidth + float64(bucket)*width, Width: max(width-0.6, 1.4), Opacity: opacity(n, busiest),
			Title: fmt.Sprintf("%s: %d, %s %s", timestamp(t.At(bucket)), n, drawn.Name, drawn.Role),
		})
	}
	return drawn
}

// opacity keeps a single event visible.
func opacity(n, busiest int) string {
	return fmt.Sprintf("%.2f", 0.35+0.65*float64(n)/float64(busiest))
}

func ticksOf(t inquiry.Timeline) []tick {
	layout := "Jan 2 15:04:05"
	switch {
	case t.Seconds >= 24*60*60:
		layout = "2006-01-02"
	case t.Seconds >= 60:
		layout = "Jan 2 15:04"
	}
	count := min(ticks, t.Buckets)
	all := make([]tick, count)
	for i := range all {
		bucket := i * t.Buckets / count
		all[i] = tick{
			X:    labelWidth + float64(bucket)*float64(chartWidth)/float64(t.Buckets),
			Text: t.At(bucket).Format(layout),
		}
	}
	return all
}
