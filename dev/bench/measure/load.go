package measure

import "time"

// Load is what one round of reads took.
type Load struct {
	Elapsed   time.Duration
	Latencies []time.Duration // of each read, shortest first
	CPU       time.Duration   // that serving it took, where the caller counts it
}

// Rate is the number of reads in a second.
func (l Load) Rate() float64 { return float64(len(l.Latencies)) / l.Elapsed.Seconds() }

// P99 is the latency that one read in a hundred exceeds, in seconds.
func (l Load) P99() float64 {
	return l.Latencies[min(len(l.Latencies)*99/100, len(l.Latencies)-1)].Seconds()
}

// Slowest is the longest latency, in seconds.
func (l Load) Slowest() float64 { return l.Latencies[len(l.Latencies)-1].Seconds() }

// CPUPerRead is what serving one read took, in seconds. Unlike time it hardly depends on what else the machine does.
func (l Load) CPUPerRead() float64 { return l.CPU.Seconds() / float64(len(l.Latencies)) }
