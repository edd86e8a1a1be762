package models

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// GORM finds serializers in a registry of its own.
func init() { schema.RegisterSerializer("utc", utcTime{}) }

// Stored is a time as the database keeps it: SQLite compares times as text, so
// all have one zone, and PostgreSQL keeps microseconds.
func Stored(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }

// utcTime keeps time.Time and *time.Time columns as [Stored] says, and zero
// times as NULL.
type utcTime struct{}

// Scan reads a column into a field.
func (utcTime) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, column any) error {
	target := field.ReflectValueOf(ctx, dst)
	if column == nil {
		target.SetZero()
		return nil
	}
	at, ok := column.(time.Time)
	if !ok {
		return fmt.Errorf("models: column %s holds no time", field.DBName)
	}
	at = Stored(at)
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.ValueOf(&at))
		return nil
	}
	target.Set(reflect.ValueOf(at))
	return nil
}

// Value makes the column of a field.
func (utcTime) Value(_ context.Context, field *schema.Field, _ reflect.Value, value any) (any, error) {
	switch at := value.(type) {
	case time.Time:
		if at.IsZero() {
			return nil, nil
		}
		return Stored(at), nil
	case *time.Time:
		if at == nil || at.IsZero() {
			return nil, nil
		}
		return Stored(*at), nil
	}
	return nil, fmt.Errorf("models: field %s is no time", field.Name)
}

// fields are the columns of a model's table, by their names. Of all of them by one
// name a connection would, once, fail to read what it has planned before a newer
// version added a column: PostgreSQL does not change what a plan returns.
func fields(tx *gorm.DB, model any, table string) string {
	parsed := gorm.Statement{DB: tx}
	if tx.AddError(parsed.Parse(model)) != nil {
		return ""
	}
	return table + "." + strings.Join(parsed.Schema.DBNames, ", "+table+".")
}

// clean drops what PostgreSQL refuses in a text: NUL and broken UTF-8. Texts of
// senders pass through it, or an event could never be stored.
func clean(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

// A Cursor is a place in a list that is ordered by time, newest first. The zero
// Cursor stands before the newest row.
type Cursor struct {
	At time.Time
	ID int64
}
