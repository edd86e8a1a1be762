package b24sim

import (
	"slices"
	"strings"

	"callwise/app/crm"
)

const bindingLimit = 100

// wholeNumber is a required whole number of the newer methods: a reference
// that was not resolved is refused here.
func (c *call) wholeNumber(name string) (int64, error) {
	v, given := c.params.get(name)
	if !given || v == nil {
		return 0, missing(name)
	}
	n, ok := integer(v)
	if _, isArray := v.(*array); !ok || isArray {
		return 0, refuse("100", "Invalid value {"+text(v)+"} to match with parameter {"+name+"}. Should be value of type int.")
	}
	return n, nil
}

// sentActivity is the activity that activityId names.
func (c *call) sentActivity() (*activity, error) {
	id, err := c.wholeNumber("activityId")
	if err != nil {
		return nil, err
	}
	a := c.p.crm.activity(id)
	if a == nil {
		return nil, refuse("NOT_FOUND", "Activity not found")
	}
	return a, nil
}

// sentRef is an object that two parameters name; it need not exist.
func (c *call) sentRef(typeName, idName string) (crm.Ref, error) {
	typ, err := c.wholeNumber(typeName)
	if err != nil {
		return crm.Ref{}, err
	}
	id, err := c.wholeNumber(idName)
	if err != nil {
		return crm.Ref{}, err
	}
	if typ < 1 || typ > 4 {
		return crm.Ref{}, nil
	}
	return crm.Ref{Type: crm.EntityType(typ), ID: id}, nil
}

// binding reads the activity and the object of a binding method.
func (c *call) binding() (*activity, crm.Ref, error) {
	a, err := c.sentActivity()
	if err != nil {
		return nil, crm.Ref{}, err
	}
	ref, err := c.sentRef("entityTypeId", "entityId")
	return a, ref, err
}

func (c *call) bindingAdd() (any, error) {
	a, ref, err := c.binding()
	switch {
	case err != nil:
		return nil, err
	case c.p.crm.find(ref) == nil:
		return nil, refuse("OWNER_NOT_FOUND", "Owner not found")
	case slices.Contains(a.Bindings, ref):
		return nil, refuse("ACTIVITY_IS_ALREADY_BOUND", "Activity is already bound to this entity")
	case len(a.Bindings) >= bindingLimit:
		return nil, refuse("BINDINGS_LIMIT_EXCEEDED", "Activity has 100 bindings already")
	}
	a.Bindings = append(a.Bindings, ref)
	return true, nil
}

func (c *call) bindingList() (any, error) {
	id, err := c.wholeNumber("activityId")
	if err != nil {
		return nil, err
	}
	a := c.p.crm.activity(id)
	if a == nil {
		return nil, refuse("ACCESS_DENIED", "Access denied.")
	}
	rows := list[any]()
	for _, ref := range a.Bindings {
		if c.p.crm.find(ref) != nil {
			rows.push(obj("entityTypeId", int64(ref.Type), "entityId", ref.ID))
		}
	}
	return rows, nil
}

func (c *call) bindingDelete() (any, error) {
	a, ref, err := c.binding()
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(a.Bindings, ref):
		return nil, refuse("BINDING_NOT_FOUND", "Binding not found")
	case len(a.Bindings) == 1:
		return nil, refuse("LAST_BINDING_CANNOT_BE_DELETED", "Last binding cannot be deleted")
	}
	a.unbind(ref)
	return true, nil
}

// unbind removes a binding; the next one owns the activity if it was the owner.
func (a *activity) unbind(ref crm.Ref) {
	a.Bindings = slices.DeleteFunc(a.Bindings, func(b crm.Ref) bool { return b == ref })
	if a.Owner == ref {
		a.Owner = a.Bindings[0]
	}
}

func (c *call) bindingMove() (any, error) {
	a, err := c.sentActivity()
	if err != nil {
		return nil, err
	}
	from, err := c.sentRef("sourceEntityTypeId", "sourceEntityId")
	if err != nil {
		return nil, err
	}
	to, err := c.sentRef("targetEntityTypeId", "targetEntityId")
	switch {
	case err != nil:
		return nil, err
	case from.Type != to.Type:
		return nil, refuse("SOURCE_AND_TARGET_ENTITY_TYPES_ARE_NOT_EQUAL_ERROR", "Source and target entity types are not equal")
	case from == to:
		return nil, refuse("SOURCE_AND_TARGET_ENTITY_ID_ARE_EQUAL_ERROR", "Source and target entity ids are equal")
	case !slices.Contains(a.Bindings, from):
		return nil, refuse("BINDING_NOT_FOUND", "Binding not found")
	case c.p.crm.find(to) == nil:
		return nil, refuse("OWNER_NOT_FOUND", "Owner not found")
	case slices.Contains(a.Bindings, to):
		return nil, refuse("ACTIVITY_IS_ALREADY_BOUND", "Activity is already bound to this entity")
	}
	a.Bindings = append(a.Bindings, to)
	a.unbind(from)
	return true, nil
}

// noteSave puts a note on an activity; its owner must be one of the objects
// the activity is bound to. A second note replaces the first.
func (c *call) noteSave() (any, error) {
	owner, err := c.sentRef("ownerTypeId", "ownerId")
	if err != nil {
		return nil, err
	}
	id, err := c.wholeNumber("itemId")
	if err != nil {
		return nil, err
	}
	a := c.p.crm.activity(id)
	switch {
	case c.text("text") == "":
		return nil, missing("text")
	case c.text("itemType") != "2" || a == nil:
		return nil, refuse("NOT_FOUND", "Item not found")
	case !slices.Contains(a.Bindings, owner):
		return nil, refuse("OWNER_NOT_FOUND", "Owner not found")
	}
	a.Note = c.text("text")
	return true, nil
}

// commentAdd wants its fields in small letters, unlike the deals' methods.
func (c *call) commentAdd() (any, error) {
	sent := c.array("fields")
	if sent == nil {
		return nil, missing("fields")
	}
	typ, known := crm.ParseCode(strings.ToUpper(param(sent, "ENTITY_TYPE")))
	id, _ := integer(param(sent, "ENTITY_ID"))
	ref := crm.Ref{Type: typ, ID: id}
	switch {
	case !known || c.p.crm.find(ref) == nil:
		return nil, refuse("OWNER_NOT_FOUND", "Owner not found")
	case param(sent, "COMMENT") == "":
		return nil, refuse("INVALID_ARG_VALUE", "Comment text is empty")
	}
	c.p.crm.comments = append(c.p.crm.comments, comment{ref, param(sent, "COMMENT")})
	return len(c.p.crm.comments), nil
}
