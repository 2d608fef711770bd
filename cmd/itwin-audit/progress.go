package main

import (
	"context"
	"io"
	"time"
)

// progressInterval is the time before progress is first drawn, and between updates.
const progressInterval = time.Second

// progress shows on a terminal how much has been read, since a long log takes a while.
type progress struct {
	t     terminal
	files int
	begun int
	bytes int64
	drawn time.Time
	drew  bool
}

func newProgress(t terminal, files int) *progress {
	return &progress{t: t, files: files, drawn: t.now()}
}

// watch counts the bytes read from a log, and stops reading when ctx ends.
func (p *progress) watch(ctx context.Context, log io.Reader) io.Reader {
	p.begun++
	return &watched{ctx: ctx, log: log, progress: p}
}

type watched struct {
	ctx      context.Context // io.Reader has no context of its own
	log      io.Reader
	progress *progress
}

func (w *watched) Read(buffer []byte) (int, error) {
	if err := context.Cause(w.ctx); err != nil {
		return 0, err
	}
	n, err := w.log.Read(buffer)
	w.progress.add(n)
	return n, err
}

func (p *progress) add(n int) {
	p.bytes += int64(n)
	if !p.t.shows {
		return
	}
	if now := p.t.now(); now.Sub(p.drawn) >= progressInterval {
		p.drawn, p.drew = now, true
		p.t.say("\r\x1b[Kread %d MiB, file %d of %d", p.bytes>>20, p.begun, p.files)
	}
}

// end removes the progress line.
func (p *progress) end() {
	if p.drew {
		p.t.say("\r\x1b[K")
	}
}
