package kql

import (
	"math"
	"math/big"

	"github.com/kustash/kustash/pipeline"
)

// arithmetic applies + - * / % to two values; null where they do not mix or
// the result has no form. Integers stay integers of 64 bits and wrap around.
func arithmetic(op string, a, b Value) Value {
	a, b = plain(a), plain(b)
	x, ok1 := asInt(a)
	y, ok2 := asInt(b)
	if ok1 && ok2 {
		return integers(op, x, y)
	}
	switch a := a.(type) {
	case nil:
		return nil
	case pipeline.Tick:
		return datetimes(op, a, b)
	case Span:
		return spans(op, a, b)
	}
	switch b := b.(type) {
	case pipeline.Tick:
		if span, ok := a.(Span); ok && op == "+" {
			return shifted(b, span, 1)
		}
	case Span:
		if op == "*" && number(a) {
			return spans(op, b, a)
		}
	}
	_, dec1 := a.(Decimal)
	_, dec2 := b.(Decimal)
	if (dec1 || dec2) && number(a) && number(b) {
		return decimals(op, a, b)
	}
	f, ok1 := asFloat(a)
	g, ok2 := asFloat(b)
	if !ok1 || !ok2 {
		return nil
	}
	return reals(op, f, g)
}

func integers(op string, x, y int64) Value {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	}
	if y == 0 {
		return nil
	}
	if op == "/" {
		return x / y
	}
	return modulo(x, y)
}

// modulo is never negative, whatever the signs.
func modulo(x, y int64) int64 {
	m := x % y
	if m < 0 {
		if y < 0 {
			return m - y
		}
		return m + y
	}
	return m
}

func reals(op string, x, y float64) Value {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		return x / y
	}
	m := math.Mod(x, y)
	if m < 0 {
		m += math.Abs(y)
	}
	return m
}

func decimals(op string, a, b Value) Value {
	x, y := rational(a), rational(b)
	if x == nil || y == nil {
		return nil
	}
	z := new(big.Rat)
	switch op {
	case "+":
		z.Add(x, y)
	case "-":
		z.Sub(x, y)
	case "*":
		z.Mul(x, y)
	default:
		if y.Sign() == 0 {
			return nil
		}
		z.Quo(x, y)
		if op == "%" {
			z.Sub(x, z.Mul(new(big.Rat).SetInt(floorRat(z)), y))
			if z.Sign() < 0 {
				z.Sub(z, y) // only a negative divisor leaves a negative rest
			}
		}
	}
	if out, ok := decimalText(string(decimalOf(z))); ok {
		return out
	}
	return nil
}

func floorRat(r *big.Rat) *big.Int {
	return new(big.Int).Div(r.Num(), r.Denom()) // Euclidean: floor, as the denominator is positive
}

func datetimes(op string, t pipeline.Tick, b Value) Value {
	switch b := b.(type) {
	case Span:
		if op == "+" {
			return shifted(t, b, 1)
		}
		if op == "-" {
			return shifted(t, b, -1)
		}
	case pipeline.Tick:
		if op == "-" {
			return Span(t - b)
		}
	}
	return nil
}

// shifted adds sign times the span; outside of the years 1 to 9999 is null.
func shifted(t pipeline.Tick, by Span, sign int64) Value {
	if by > Span(pipeline.MaxTick) || by < -Span(pipeline.MaxTick) {
		return nil
	}
	return datetimeOf(int64(t) + sign*int64(by))
}

func spans(op string, s Span, b Value) Value {
	switch b := b.(type) {
	case pipeline.Tick:
		if op == "+" {
			return shifted(b, s, 1)
		}
	case Span:
		switch op {
		case "+":
			return s + b
		case "-":
			return s - b
		case "/":
			if b != 0 {
				return float64(s) / float64(b)
			}
		case "%":
			if b != 0 {
				return Span(modulo(int64(s), int64(b)))
			}
		}
	case nil:
		return nil
	default:
		return scaledSpan(op, s, b)
	}
	return nil
}

func scaledSpan(op string, s Span, b Value) Value {
	if n, ok := asInt(b); ok {
		switch {
		case op == "*":
			return Span(int64(s) * n)
		case op == "/" && n != 0:
			return Span(int64(s) / n)
		}
		return nil
	}
	f, ok := asFloat(b)
	if !ok || op != "*" && op != "/" {
		return nil
	}
	if op == "/" {
		f = 1 / f
	}
	f = math.Round(float64(s) * f)
	if !(math.Abs(f) < math.MaxInt64) {
		return nil
	}
	return Span(f)
}

// arithmeticType is the type of a result; "" where the operands do not mix.
// Two ints make a long.
func arithmeticType(op string, a, b pipeline.Type) pipeline.Type {
	numeric := func(t pipeline.Type) bool {
		return t == pipeline.Int || t == pipeline.Long || t == pipeline.Real || t == pipeline.Decimal
	}
	switch {
	case a == pipeline.Dynamic || b == pipeline.Dynamic:
		return pipeline.Dynamic
	case numeric(a) && numeric(b):
		if a == pipeline.Decimal || b == pipeline.Decimal {
			return pipeline.Decimal
		}
		if a == pipeline.Real || b == pipeline.Real {
			return pipeline.Real
		}
		return pipeline.Long
	case op == "-" && a == pipeline.Datetime && b == pipeline.Datetime:
		return pipeline.Timespan
	case a == pipeline.Datetime && b == pipeline.Timespan && (op == "+" || op == "-"),
		op == "+" && a == pipeline.Timespan && b == pipeline.Datetime:
		return pipeline.Datetime
	case a == pipeline.Timespan && b == pipeline.Timespan && op == "/":
		return pipeline.Real
	case a == pipeline.Timespan && b == pipeline.Timespan && op != "*",
		a == pipeline.Timespan && numeric(b) && (op == "*" || op == "/"),
		op == "*" && numeric(a) && b == pipeline.Timespan:
		return pipeline.Timespan
	}
	return ""
}

// floor is bin: the largest multiple of size that is not above v.
func floor(v, size Value) Value {
	v, size = plain(v), plain(size)
	switch x := v.(type) {
	case pipeline.Tick:
		if s, ok := size.(Span); ok && s > 0 {
			return x - pipeline.Tick(int64(x)%int64(s))
		}
		return nil
	case Span:
		if s, ok := size.(Span); ok && s > 0 {
			return x - Span(modulo(int64(x), int64(s)))
		}
		return nil
	}
	n, ok1 := asInt(v)
	s, ok2 := asInt(size)
	if ok1 && ok2 {
		if s <= 0 {
			return nil
		}
		return n - modulo(n, s)
	}
	if _, isDecimal := v.(Decimal); isDecimal {
		x, y := rational(v), rational(size)
		if x == nil || y == nil || y.Sign() <= 0 {
			return nil
		}
		count := new(big.Rat).SetInt(floorRat(new(big.Rat).Quo(x, y)))
		return decimalOf(count.Mul(count, y))
	}
	f, ok1 := asFloat(v)
	g, ok2 := asFloat(size)
	if !ok1 || !ok2 || !(g > 0) {
		return nil
	}
	return math.Floor(f/g) * g
}
