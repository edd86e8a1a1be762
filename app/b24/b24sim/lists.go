package b24sim

import (
	"cmp"
	"slices"
	"strings"

	"callwise/app/crm"
)

// listRecords is a list method of either family: filter, order, page.
func (c *call) listRecords(typ crm.EntityType, fam family) ([]*record, *page, error) {
	holds, err := c.recordFilter(typ, fam, c.listParam("filter"))
	if err != nil {
		return nil, nil, err
	}
	found := c.p.crm.where(typ, holds)
	if err := c.sortRecords(typ, fam, found); err != nil {
		return nil, nil, err
	}
	from, to, counted := c.window(len(found))
	return found[from:to], &counted, nil
}

// listParam is filter, order or select; the classic methods take capitals too.
func (c *call) listParam(name string) *array { return c.anyCase(strings.ToUpper(name), name) }

func (c *call) sortRecords(typ crm.EntityType, fam family, found []*record) error {
	order := c.listParam("order")
	var by []func(a, b *record) int
	for _, key := range order.keysOf() {
		f, known := fieldNamed(typ, fam, key)
		if !known && fam == universal {
			return refuse("INVALID_ARG_VALUE", "Invalid order: field '"+key+"' is not allowed in order")
		}
		if !known {
			continue
		}
		sign := 1
		if strings.EqualFold(param(order, key), "DESC") {
			sign = -1
		}
		by = append(by, func(a, b *record) int { return sign * f.compare(a, b) })
	}
	slices.SortStableFunc(found, func(a, b *record) int {
		for _, compare := range by {
			if n := compare(a, b); n != 0 {
				return n
			}
		}
		return 0
	})
	return nil
}

func (f field) compare(a, b *record) int {
	switch f.kind {
	case kindID:
		return cmp.Compare(a.num(f.upper), b.num(f.upper))
	case kindTime:
		return a.at(f.upper).Compare(b.at(f.upper))
	case kindMoney:
		x, _ := a.value(f.upper).(float64)
		y, _ := b.value(f.upper).(float64)
		return cmp.Compare(x, y)
	}
	x, _ := a.value(f.upper).(string)
	y, _ := b.value(f.upper).(string)
	return strings.Compare(x, y)
}
