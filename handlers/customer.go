package handlers

import (
	"net/http"
	"strings"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/pbx"
	"callwise/models"

	"github.com/labstack/echo/v4"
)

// The answer of GET /pbx/v1/customers (interface.md §4).
type (
	knownCustomer struct {
		Known       bool           `json:"known"`
		Name        string         `json:"name"`
		Entities    []knownEntity  `json:"entities"`
		Responsible *knownEmployee `json:"responsible"`
	}
	knownEntity struct {
		Type  string `json:"type"`
		ID    int64  `json:"id"`
		Title string `json:"title"`
	}
	knownEmployee struct {
		UserID    int64  `json:"user_id"`
		Extension string `json:"extension"`
		OnDuty    bool   `json:"on_duty"`
	}
)

// maxPhone is how long a number in a question may be, in bytes.
const maxPhone = 64

// customer tells a PBX who is calling and whom to ring.
func (h *Handlers) customer(c echo.Context) error {
	portal := c.Get(keyPortal).(*models.Portal)
	if !c.QueryParams().Has("phone") {
		return &pbx.Invalid{Detail: "The parameter phone is missing."}
	}
	asked := askedPhone(c)
	if len(asked) > maxPhone {
		return &pbx.Invalid{Detail: "The parameter phone may have up to 64 characters."}
	}
	phone := call.ParsePhone(asked, portal.Country())
	if phone.Hidden() {
		return c.JSON(http.StatusOK, knownCustomer{Entities: []knownEntity{}})
	}
	found, err := h.Flow.Customers(c.Request().Context(), portal, phone)
	if err != nil {
		return err
	}
	answer := answerOf(found)
	if r := answer.Responsible; r != nil {
		r.Extension, err = h.Store.ExtensionOf(c.Request().Context(), portal, r.UserID, r.Extension)
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answer)
}

// askedPhone is the number of a question. The plus it begins with need not be
// encoded (interface.md §4), although a query has a space for one.
func askedPhone(c echo.Context) string {
	phone := c.QueryParam("phone")
	if strings.Contains("&"+c.QueryString(), "&phone=+") {
		return "+" + strings.TrimPrefix(phone, " ")
	}
	return phone
}

func answerOf(found []b24.Customer) knownCustomer {
	answer := knownCustomer{Known: len(found) > 0, Entities: []knownEntity{}}
	for i, f := range found {
		answer.Entities = append(answer.Entities, knownEntity{Type: f.Ref.Type.String(), ID: f.Ref.ID, Title: f.Name})
		if i > 0 {
			continue
		}
		answer.Name = f.Name
		if d := f.Responsible; d.UserID != 0 {
			answer.Responsible = &knownEmployee{UserID: d.UserID, Extension: d.Extension, OnDuty: d.OnDuty}
		}
	}
	return answer
}
