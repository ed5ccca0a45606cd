package kql

import "github.com/kustash/kustash/pipeline"

// joinStep is join or lookup.
type joinStep struct {
	name  string
	kind  string
	right expr
	on    []expr
}

func (s *joinStep) word() string { return s.name }

var joinKinds = map[string]bool{
	"inner": true, "innerunique": true, "leftouter": true, "rightouter": true, "fullouter": true,
	"leftanti": true, "anti": true, "leftantisemi": true, "leftsemi": true, "rightanti": true,
	"rightantisemi": true, "rightsemi": true,
}

// sides are the columns that one condition compares.
type sides struct{ left, right int }

func (s *joinStep) bind(b *binder, e env, left *relation) (*relation, error) {
	if b.search != nil && s.name == "join" {
		return nil, b.notOnSearch("join")
	}
	right, err := b.relation(s.right, e)
	if err != nil {
		return nil, err
	}
	b.operator = s.name
	var keys []sides
	for _, x := range s.on {
		k, err := s.condition(x, left.columns, right.columns)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	switch s.kind {
	case "leftanti", "anti", "leftantisemi", "leftsemi":
		return b.semijoin(left, right, keys, s.kind == "leftsemi"), nil
	case "rightanti", "rightantisemi", "rightsemi":
		for i, k := range keys {
			keys[i] = sides{k.right, k.left}
		}
		return b.semijoin(right, left, keys, s.kind == "rightsemi"), nil
	}
	return b.join(left, right, keys, s), nil
}

func (s *joinStep) condition(x expr, left, right []Column) (sides, error) {
	l, r := "", ""
	switch x := x.(type) {
	case *nameExpr:
		l, r = x.id, x.id
	case *binaryExpr:
		side1, name1 := sideOf(x.x)
		side2, name2 := sideOf(x.y)
		switch {
		case x.op == "==" && side1 == "$left" && side2 == "$right":
			l, r = name1, name2
		case x.op == "==" && side1 == "$right" && side2 == "$left":
			l, r = name2, name1
		}
	}
	if l == "" {
		return sides{}, semanticError(codeOther, "'%s' operator: a condition is a column or $left.x == $right.y", s.name)
	}
	k := sides{columnIndex(left, l), columnIndex(right, r)}
	if k.left < 0 {
		return k, semanticError(codeUnresolved, "'%s' operator: Failed to resolve scalar expression named '%s'", s.name, l)
	}
	if k.right < 0 {
		return k, semanticError(codeUnresolved, "'%s' operator: Failed to resolve scalar expression named '%s'", s.name, r)
	}
	if a, z := left[k.left].Type, right[k.right].Type; !comparable(a, z) || a == pipeline.Dynamic || z == pipeline.Dynamic {
		return k, semanticError(codeTypes, "'%s' operator: columns of types %s and %s cannot be joined. Try adding explicit casts", s.name, a, z)
	}
	return k, nil
}

func sideOf(x expr) (side, name string) {
	if m, ok := x.(*memberExpr); ok {
		if n, ok := m.x.(*nameExpr); ok {
			return n.id, m.key
		}
	}
	return "", ""
}

// joinKey is the row's key; ok is false where a part is null, which equals
// nothing.
func joinKey(dst []byte, row []Value, keys []sides, right bool) (key []byte, ok bool) {
	for _, k := range keys {
		at := k.left
		if right {
			at = k.right
		}
		if row[at] == nil {
			return dst, false
		}
		dst = append(dst, memberKey(row[at], false)...)
	}
	return dst, true
}

func (b *binder) indexed(r *relation, keys []sides) (rows [][]Value, index map[string][]int, err error) {
	if rows, err = r.rows(); err != nil {
		return nil, nil, err
	}
	index = make(map[string][]int, len(rows))
	var key []byte
	for n, row := range rows {
		if err := b.pulse(n); err != nil {
			return nil, nil, err
		}
		var ok bool
		if key, ok = joinKey(key[:0], row, keys, true); ok {
			index[string(key)] = append(index[string(key)], n)
		}
	}
	return rows, index, nil
}

// semijoin keeps the rows of left that have (or have no) partner.
func (b *binder) semijoin(left, right *relation, keys []sides, want bool) *relation {
	return left.derive(left.columns, func() ([][]Value, error) {
		_, index, err := b.indexed(right, keys)
		if err != nil {
			return nil, err
		}
		rows, err := left.rows()
		if err != nil {
			return nil, err
		}
		var out [][]Value
		var key []byte
		for n, row := range rows {
			if err := b.pulse(n); err != nil {
				return nil, err
			}
			k, ok := joinKey(key[:0], row, keys, false)
			key = k
			if (ok && len(index[string(k)]) > 0) == want {
				out = append(out, row)
			}
		}
		return out, nil
	})
}

// join pairs rows. The right columns follow the left ones; a name that is taken
// gets a number. lookup leaves the right keys out.
func (b *binder) join(left, right *relation, keys []sides, s *joinStep) *relation {
	var columns []Column
	names := namer{}
	for _, c := range left.columns {
		names[c.Name] = true
		columns = append(columns, c)
	}
	var take []int
	for i, c := range right.columns {
		if s.name == "lookup" && isRightKey(keys, i) {
			continue
		}
		c.Name = names.unique(c.Name)
		take = append(take, i)
		columns = append(columns, c)
	}
	return left.derive(columns, func() ([][]Value, error) {
		rightRows, index, err := b.indexed(right, keys)
		if err != nil {
			return nil, err
		}
		leftRows, err := left.rows()
		if err != nil {
			return nil, err
		}
		j := &joiner{b: b, keys: keys, take: take, left: left.columns, right: right.columns, used: make([]bool, len(rightRows))}
		return j.run(leftRows, rightRows, index, s.kind)
	})
}

func isRightKey(keys []sides, i int) bool {
	for _, k := range keys {
		if k.right == i {
			return true
		}
	}
	return false
}

type joiner struct {
	b           *binder
	keys        []sides
	take        []int // the right columns that the result has
	left, right []Column
	used        []bool // right rows that found a partner
	out         [][]Value
}

func (j *joiner) run(leftRows, rightRows [][]Value, index map[string][]int, kind string) ([][]Value, error) {
	seen := map[string]bool{}
	var key []byte
	for n, row := range leftRows {
		if err := j.b.pulse(n); err != nil {
			return nil, err
		}
		k, ok := joinKey(key[:0], row, j.keys, false)
		key = k
		var partners []int
		if ok {
			if kind == "innerunique" {
				if seen[string(k)] {
					continue
				}
				seen[string(k)] = true
			}
			partners = index[string(k)]
		}
		for _, p := range partners {
			j.used[p] = true
			if err := j.emit(row, rightRows[p]); err != nil {
				return nil, err
			}
		}
		if len(partners) == 0 && (kind == "leftouter" || kind == "fullouter") {
			if err := j.emit(row, nil); err != nil {
				return nil, err
			}
		}
	}
	if kind == "rightouter" || kind == "fullouter" {
		for n, row := range rightRows {
			if !j.used[n] {
				if err := j.emit(nil, row); err != nil {
					return nil, err
				}
			}
		}
	}
	return j.out, nil
}

// emit adds a row; a side that is nil has missing cells.
func (j *joiner) emit(left, right []Value) error {
	if err := j.b.produce(1); err != nil {
		return err
	}
	if err := j.b.pulse(len(j.out)); err != nil {
		return err
	}
	row := make([]Value, 0, len(j.left)+len(j.take))
	for i, c := range j.left {
		if left == nil {
			row = append(row, missing(c.Type))
		} else {
			row = append(row, left[i])
		}
	}
	for _, i := range j.take {
		if right == nil {
			row = append(row, missing(j.right[i].Type))
		} else {
			row = append(row, right[i])
		}
	}
	j.out = append(j.out, row)
	return nil
}
