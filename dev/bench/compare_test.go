package bench

import (
	"fmt"
	"slices"
)

// comparison is what both sides took in each round.
type comparison[T any] []struct{ product, floor T }

// takeTurns measures both sides in each round, one right after the other, so that other work of the machine affects both
// alike. The side that goes first alternates.
func takeTurns[T any](rounds int, product, floor func() T) comparison[T] {
	c := make(comparison[T], rounds)
	for i := range c {
		if i%2 == 0 {
			c[i].product = product()
			c[i].floor = floor()
		} else {
			c[i].floor = floor()
			c[i].product = product()
		}
	}
	return c
}

// spread is what a figure came to over all rounds.
type spread struct{ median, min, max float64 }

func spreadOf(figures []float64) spread {
	sorted := slices.Sorted(slices.Values(figures))
	return spread{sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1]}
}

// spread summarizes a figure of each round.
func (c comparison[T]) spread(figure func(product, floor T) float64) spread {
	figures := make([]float64, len(c))
	for i, round := range c {
		figures[i] = figure(round.product, round.floor)
	}
	return spreadOf(figures)
}

// ratio is the product's figure over the floor's, round by round.
func (c comparison[T]) ratio(figure func(T) float64) spread {
	return c.spread(func(product, floor T) float64 { return figure(product) / figure(floor) })
}

// medians are those of the product's and the floor's own figures.
func (c comparison[T]) medians(figure func(T) float64) (product, floor float64) {
	product = c.spread(func(product, _ T) float64 { return figure(product) }).median
	floor = c.spread(func(_, floor T) float64 { return figure(floor) }).median
	return product, floor
}

// show has a format for both medians.
func (c comparison[T]) show(format string, figure func(T) float64) string {
	product, floor := c.medians(figure)
	return fmt.Sprintf(format, product, floor)
}
