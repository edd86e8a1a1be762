package models

import (
	"context"

	"gorm.io/gorm"
)

// An Employee is a user of a portal.
type Employee struct {
	PortalID  int64 `gorm:"primaryKey;autoIncrement:false"`
	UserID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Name      string
	Extension string
	Phones    []string `gorm:"serializer:json"` // search keys of own numbers
	Active    bool
}

// insertChunk keeps a statement's parameters far below the databases' limits.
const insertChunk = 200

// ReplaceEmployees makes employees all that a portal has, and remembers when.
func (s *Store) ReplaceEmployees(ctx context.Context, portalID int64, employees []Employee) error {
	rows := make([]Employee, len(employees))
	for i, e := range employees {
		e.PortalID, e.Name, e.Extension = portalID, clean(e.Name), clean(e.Extension)
		if e.Phones == nil {
			e.Phones = []string{}
		}
		rows[i] = e
	}
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		read := tx.Table("portals").Where("id = ?", portalID).Updates(map[string]any{"employees_at": s.now()})
		if err := changed(read); err != nil {
			return err
		}
		if err := tx.Where("portal_id = ?", portalID).Delete(&Employee{}).Error; err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		return tx.CreateInBatches(rows, insertChunk).Error
	})
}

// Employees returns all users of a portal by name.
func (s *Store) Employees(ctx context.Context, portalID int64) ([]Employee, error) {
	var employees []Employee
	err := s.with(ctx).Where("portal_id = ?", portalID).Order("name, user_id").Find(&employees).Error
	return employees, err
}

// EmployeeByUser returns an active user of a portal.
func (s *Store) EmployeeByUser(ctx context.Context, portalID, userID int64) (*Employee, error) {
	return s.employee(ctx, portalID, "user_id = ?", userID)
}

// Substitute returns the first active user of a portal who is none of these;
// ErrNotFound when there is no other.
func (s *Store) Substitute(ctx context.Context, portalID int64, not []int64) (int64, error) {
	e, err := s.employee(ctx, portalID, "user_id NOT IN ?", append([]int64{0}, not...))
	if err != nil {
		return 0, err
	}
	return e.UserID, nil
}

// EmployeeByExtension returns the active user of a portal with that extension;
// of several, the one who came first.
func (s *Store) EmployeeByExtension(ctx context.Context, portalID int64, extension string) (*Employee, error) {
	if extension == "" {
		return nil, ErrNotFound
	}
	return s.employee(ctx, portalID, "extension = ?", clean(extension))
}

func (s *Store) employee(ctx context.Context, portalID int64, where string, value any) (*Employee, error) {
	var e Employee
	err := s.with(ctx).Where("portal_id = ? AND active", portalID).Where(where, value).Order("user_id").Take(&e).Error
	if err != nil {
		return nil, found(err)
	}
	return &e, nil
}
