package b24sim

import (
	"fmt"
	"slices"
)

// A Line is an external line of the application.
type Line struct {
	Number, Name string
	// AutoCreate is CRM_AUTO_CREATE: whether Bitrix24 creates CRM objects for
	// outgoing calls through the line.
	AutoCreate bool
}

// Lines are the application's external lines in the order they appeared.
func (p *Portal) Lines() []Line {
	defer p.lock()()
	return slices.Clone(p.phone.lines)
}

func (p *Portal) lineIndex(number string) int {
	return slices.IndexFunc(p.phone.lines, func(l Line) bool { return l.Number == number })
}

// knowLine adds a line that register named and nobody had added: a typing
// mistake makes a line.
func (p *Portal) knowLine(number string) {
	if number != "" && p.lineIndex(number) < 0 {
		p.phone.lines = append(p.phone.lines, Line{Number: number, AutoCreate: true})
	}
}

// lineAllows reports whether the line of an outgoing call lets Bitrix24 create
// CRM objects; without a line, and for other calls, nothing forbids it.
func (p *Portal) lineAllows(k *phoneCall) bool {
	i := p.lineIndex(k.line)
	return k.callType != callOutgoing || i < 0 || p.phone.lines[i].AutoCreate
}

// sentLine is the line that NUMBER names; index -1 when there is none.
func (c *call) sentLine() (number string, index int, err error) {
	number = c.text("NUMBER")
	if number == "" {
		return "", -1, errorCore("NUMBER should not be empty")
	}
	return number, c.p.lineIndex(number), nil
}

func (c *call) lineAdd() (any, error) {
	number, i, err := c.sentLine()
	if err != nil {
		return nil, err
	}
	if i >= 0 {
		return nil, errorCore("Line already exists")
	}
	c.p.phone.lines = append(c.p.phone.lines, Line{number, c.text("NAME"), c.text("CRM_AUTO_CREATE") != "N"})
	return obj("ID", len(c.p.phone.lines)), nil
}

// lineUpdate answers the id as a string, unlike add.
func (c *call) lineUpdate() (any, error) {
	number, i, err := c.sentLine()
	if err != nil {
		return nil, err
	}
	name, named := c.params.get("NAME")
	create, switched := c.params.get("CRM_AUTO_CREATE")
	switch {
	case !named && !switched:
		return nil, errorCore("There are no fields to update")
	case i < 0:
		return nil, errorCore("Could not find line with number " + number)
	}
	if named {
		c.p.phone.lines[i].Name = text(name)
	}
	if switched {
		c.p.phone.lines[i].AutoCreate = text(create) != "N"
	}
	return obj("ID", fmt.Sprint(i+1)), nil
}

func (c *call) lineGet() (any, error) {
	rows := list[any]()
	for _, l := range c.p.phone.lines {
		rows.push(obj("NUMBER", l.Number, "NAME", l.Name, "CRM_AUTO_CREATE", flag(l.AutoCreate)))
	}
	return rows, nil
}

func (c *call) lineDelete() (any, error) {
	number, i, err := c.sentLine()
	if err != nil {
		return nil, err
	}
	if i < 0 {
		return nil, errorCore("Could not find line with number " + number)
	}
	c.p.phone.lines = slices.Delete(c.p.phone.lines, i, i+1)
	return list[any](), nil
}
