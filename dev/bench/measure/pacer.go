package measure

import "time"

// pacer holds a connection back to one read per tick.
type pacer struct{ ticker *time.Ticker }

// newPacer makes one that doesn't hold back where pace is zero.
func newPacer(pace time.Duration) pacer {
	if pace == 0 {
		return pacer{}
	}
	return pacer{ticker: time.NewTicker(pace)}
}

func (p pacer) wait() {
	if p.ticker != nil {
		<-p.ticker.C
	}
}

func (p pacer) stop() {
	if p.ticker != nil {
		p.ticker.Stop()
	}
}
