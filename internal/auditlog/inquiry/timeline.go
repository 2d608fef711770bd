package inquiry

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

const (
	// maxBuckets limits a timeline. If events span more, it switches to the next step.
	maxBuckets = 60
	maxLanes   = 500
)

const (
	day  = 24 * time.Hour
	week = 7 * day
	// monday, in seconds since the Unix epoch, is where steps are counted from, so that weeks begin with it.
	monday = 4 * 24 * 60 * 60
)

// nextStep returns the next longer step of a timeline, in seconds. It is a multiple of the current one, at most seven
// times as long, so that a timeline that outgrows maxBuckets still has several buckets. Above a week, steps double.
func nextStep(seconds int64) int64 {
	for _, step := range []time.Duration{
		5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, day, week,
	} {
		if next := int64(step / time.Second); next > seconds {
			return next
		}
	}
	return 2 * seconds
}

// Timeline counts events over time.
type Timeline struct {
	Start   time.Time `json:"start,omitzero"` // of the first bucket
	Step    string    `json:"step,omitempty"` // a bucket's width in words, such as "5 minutes"
	Seconds int64     `json:"bucket_seconds"`
	Buckets int       `json:"buckets"`
	Lanes   []Lane    `json:"lanes"`
	// More counts the events of readers and roles that got no lane.
	More int `json:"more,omitempty"`
}

// At returns the start of a bucket.
func (t Timeline) At(bucket int) time.Time {
	return time.Unix(t.Start.Unix()+int64(bucket)*t.Seconds, 0).UTC()
}

// Lane holds the events of one kind by one reader through one role.
type Lane struct {
	LaneKey

	Total  int         `json:"total"`
	Counts map[int]int `json:"counts"` // by bucket, counted from the first
}

// LaneKey identifies a lane. Reader and Role are empty if the events of a kind share a lane.
type LaneKey struct {
	Kind   auditlog.Kind `json:"kind"`
	Reader string        `json:"reader,omitempty"`
	Role   string        `json:"role,omitempty"`
}

// timeline collects a Timeline; its buckets are counted from monday.
type timeline struct {
	step      int64 // seconds
	low, high int64
	lanes     map[LaneKey]map[int64]int
	more      int
}

func newTimeline() *timeline {
	return &timeline{step: 1, lanes: make(map[LaneKey]map[int64]int)}
}

func (t *timeline) add(e auditlog.Event) {
	bucket := floorDiv(e.Time.Unix()-monday, t.step)
	key := laneOf(e)
	lane := t.lanes[key]
	switch {
	case lane == nil && len(t.lanes) >= maxLanes:
		t.more++
		return
	case len(t.lanes) == 0:
		t.low, t.high = bucket, bucket
	}
	if lane == nil {
		lane = make(map[int64]int)
		t.lanes[key] = lane
	}
	t.low, t.high = min(t.low, bucket), max(t.high, bucket)
	lane[bucket]++
	for t.high-t.low >= maxBuckets {
		t.coarsen()
	}
}

// floorDiv rounds down: / would make the bucket before monday twice as wide.
func floorDiv(a, b int64) int64 { return (a - (a%b+b)%b) / b }

// laneOf gives each reader and role a lane of its own. Rare events share one by kind.
func laneOf(e auditlog.Event) LaneKey {
	switch e.Kind {
	case auditlog.Read, auditlog.Wrapped, auditlog.Unwrapped, auditlog.Rewrapped:
		return LaneKey{Kind: auditlog.Read, Reader: e.Reader.Name, Role: roleOf(e)}
	case auditlog.Denied, auditlog.Failed:
		return LaneKey{Kind: auditlog.Denied}
	default:
		return LaneKey{Kind: auditlog.ConfigChanged}
	}
}

// coarsen moves to the next step.
func (t *timeline) coarsen() {
	next := nextStep(t.step)
	merged := next / t.step
	t.step, t.low, t.high = next, floorDiv(t.low, merged), floorDiv(t.high, merged)
	for key, lane := range t.lanes {
		coarse := make(map[int64]int, len(lane))
		for bucket, n := range lane {
			coarse[floorDiv(bucket, merged)] += n
		}
		t.lanes[key] = coarse
	}
}

// drawn returns the Timeline, busiest lanes first.
func (t *timeline) drawn() Timeline {
	drawn := Timeline{Seconds: t.step, Lanes: []Lane{}, More: t.more}
	if len(t.lanes) == 0 {
		return drawn
	}
	drawn.Step = inWords(t.step)
	drawn.Start = time.Unix(t.low*t.step+monday, 0).UTC()
	drawn.Buckets = int(t.high-t.low) + 1
	for key, counts := range t.lanes {
		lane := Lane{LaneKey: key, Counts: make(map[int]int, len(counts))}
		for bucket, n := range counts {
			lane.Counts[int(bucket-t.low)] = n
			lane.Total += n
		}
		drawn.Lanes = append(drawn.Lanes, lane)
	}
	slices.SortFunc(drawn.Lanes, func(a, b Lane) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), strings.Compare(a.Reader, b.Reader), strings.Compare(a.Role, b.Role))
	})
	return drawn
}

// inWords returns a step in the largest unit that fits.
func inWords(seconds int64) string {
	step := time.Duration(seconds) * time.Second
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{week, "week"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if step >= unit.length {
			return words.Count(int64(step/unit.length), unit.name)
		}
	}
	return words.Count(seconds, "second")
}
