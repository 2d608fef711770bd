package measure

import "slices"

// Pair is what both sides took in one round.
type Pair[T any] struct{ Product, Floor T }

// Interleave measures both sides in each round, one right after the other, so that what else the machine does befalls
// both alike. They take turns in going first.
func Interleave[T any](rounds int, product, floor func() (T, error)) ([]Pair[T], error) {
	pairs := make([]Pair[T], rounds)
	for i := range pairs {
		steps := []func() error{
			func() (err error) { pairs[i].Product, err = product(); return err },
			func() (err error) { pairs[i].Floor, err = floor(); return err },
		}
		if i%2 == 1 {
			slices.Reverse(steps)
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return nil, err
			}
		}
	}
	return pairs, nil
}

// Spread is what a figure came to over all rounds.
type Spread struct{ Median, Min, Max float64 }

// Ratios compares the product's figure with the floor's, round by round.
func Ratios[T any](pairs []Pair[T], figure func(T) float64) Spread {
	return SpreadOf(pairs, func(p Pair[T]) float64 { return figure(p.Product) / figure(p.Floor) })
}

// SpreadOf is the spread of a figure of each round.
func SpreadOf[T any](pairs []Pair[T], figure func(Pair[T]) float64) Spread {
	figures := make([]float64, len(pairs))
	for i, p := range pairs {
		figures[i] = figure(p)
	}
	slices.Sort(figures)
	middle := len(figures) / 2
	median := figures[middle]
	if len(figures)%2 == 0 {
		median = (figures[middle-1] + median) / 2
	}
	return Spread{Median: median, Min: figures[0], Max: figures[len(figures)-1]}
}

// Products is the spread of the product's own figure.
func Products[T any](pairs []Pair[T], figure func(T) float64) Spread {
	return SpreadOf(pairs, func(p Pair[T]) float64 { return figure(p.Product) })
}

// Floors is the spread of the floor's own figure.
func Floors[T any](pairs []Pair[T], figure func(T) float64) Spread {
	return SpreadOf(pairs, func(p Pair[T]) float64 { return figure(p.Floor) })
}
