package b24sim

// text is a parameter as a string, "" when absent. Names are case-sensitive.
func (c *call) text(name string) string { return param(c.params, name) }

// int is a whole number, given in digits or as a number.
func (c *call) int(name string) (n int64, given bool) {
	v, ok := c.params.get(name)
	if !ok {
		return 0, false
	}
	return integer(v)
}

// array is a parameter that is an array, nil otherwise.
func (c *call) array(name string) *array {
	v, _ := c.params.get(name)
	a, _ := v.(*array)
	return a
}

// anyCase is a parameter under its name in capitals or in small letters, for
// the methods that tolerate both.
func (c *call) anyCase(upper, lower string) *array {
	if a := c.array(upper); a != nil {
		return a
	}
	return c.array(lower)
}

// keysOf are the keys in order, none of nil.
func (a *array) keysOf() []string {
	if a == nil {
		return nil
	}
	return a.keys
}

// window cuts one page of 50 out of n rows: the rows from start on, and the
// page that describes them. start -1 switches counting off.
func (c *call) window(n int) (from, to int, counted page) {
	start, given := c.int("start")
	if given && start < 0 {
		return 0, min(n, pageSize), page{}
	}
	from = min(int(start), n)
	to = min(from+pageSize, n)
	counted.total = n
	if to < n {
		counted.next = to
	}
	return from, to, counted
}

const pageSize = 50

// paged is one page of rows.
func paged[T any](c *call, rows []T, wire func(T) any) *page {
	from, to, counted := c.window(len(rows))
	all := list[any]()
	for _, row := range rows[from:to] {
		all.push(wire(row))
	}
	counted.rows = all
	return &counted
}
