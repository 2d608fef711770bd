package inquiry

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-itwin/internal/auditlog"
)

const (
	// maxBuckets is how fine a timeline is: from an hour a bucket upwards, doubled whenever the span outgrows it.
	maxBuckets = 168
	maxLanes   = 500
)

// Timeline counts events over time.
type Timeline struct {
	Start   time.Time     `json:"start,omitzero"` // of the first bucket
	Width   time.Duration `json:"-"`
	Seconds int64         `json:"bucket_seconds"`
	Buckets int           `json:"buckets"`
	Lanes   []Lane        `json:"lanes"`
	// More counts the events of readers and roles that found no lane.
	More int `json:"more,omitempty"`
}

// Lane holds the events of one kind by one reader through one role.
type Lane struct {
	LaneKey

	Total  int         `json:"total"`
	Counts map[int]int `json:"counts"` // by bucket, counted from the first
}

// LaneKey tells lanes apart. Reader and Role are empty where events of a kind share a lane.
type LaneKey struct {
	Kind   auditlog.Kind `json:"kind"`
	Reader string        `json:"reader,omitempty"`
	Role   string        `json:"role,omitempty"`
}

// timeline gathers a Timeline; its buckets are counted from the Unix epoch.
type timeline struct {
	width time.Duration
	low   int64
	high  int64
	lanes map[LaneKey]map[int64]int
	more  int
}

func newTimeline() *timeline {
	return &timeline{width: time.Hour, lanes: make(map[LaneKey]map[int64]int)}
}

func (t *timeline) add(e auditlog.Event) {
	key := laneOf(e)
	lane := t.lanes[key]
	if lane == nil {
		if len(t.lanes) >= maxLanes {
			t.more++
			return
		}
		lane = make(map[int64]int)
		t.lanes[key] = lane
	}
	bucket := e.Time.Unix() / int64(t.width/time.Second)
	if t.high == 0 {
		t.low, t.high = bucket, bucket
	}
	t.low, t.high = min(t.low, bucket), max(t.high, bucket)
	lane[bucket]++
	for t.high-t.low >= maxBuckets {
		t.coarsen()
	}
}

// laneOf gives each reader and role a lane of its own; what is rare shares one by kind.
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

// coarsen doubles the width of the buckets.
func (t *timeline) coarsen() {
	t.width *= 2
	t.low, t.high = t.low/2, t.high/2
	for key, lane := range t.lanes {
		halved := make(map[int64]int, len(lane))
		for bucket, n := range lane {
			halved[bucket/2] += n
		}
		t.lanes[key] = halved
	}
}

// drawn is the timeline with its busiest lanes first.
func (t *timeline) drawn() Timeline {
	drawn := Timeline{Width: t.width, Seconds: int64(t.width / time.Second), Lanes: []Lane{}, More: t.more}
	if len(t.lanes) == 0 {
		return drawn
	}
	drawn.Start = time.Unix(t.low*drawn.Seconds, 0).UTC()
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
