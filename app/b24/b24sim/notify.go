package b24sim

import (
	"slices"
	"strings"
	"time"
)

// A Notice is a notification in the chat of a user.
type Notice struct {
	ID     int64
	UserID int64
	Text   string
	Tag    string
	At     time.Time
}

// Notices are the notifications of all users that were not replaced, in the
// order they came.
func (p *Portal) Notices() []Notice {
	defer p.lock()()
	return slices.Clone(p.notices)
}

var noticeMethods = map[string]method{
	"im.notify.system.add": {scope: "im", app: true, run: (*call).notifySystemAdd},
}

// notifySystemAdd is im.notify.system.add: the application tells a user
// something. A notification with the same tag is removed. To somebody who has
// no account, or not any more, nothing is told, and false is the answer.
//
// https://apidocs.bitrix24.com/api-reference/chats/notifications/im-notify-system-add.html
func (c *call) notifySystemAdd() (any, error) {
	userID, _ := c.int("USER_ID")
	if userID <= 0 {
		return nil, refuse("USER_ID_EMPTY", "User ID can't be empty")
	}
	text := strings.TrimSpace(c.text("MESSAGE"))
	if text == "" {
		return nil, refuse("MESSAGE_EMPTY", "Message can't be empty")
	}
	if user := c.p.user(userID); user == nil || user.Dismissed || user.System {
		return false, nil
	}
	return c.p.notify(Notice{UserID: userID, Text: text, Tag: c.text("TAG"), At: c.p.now()}), nil
}

func (p *Portal) notify(n Notice) int64 {
	p.lastNotice++
	n.ID = p.lastNotice
	p.notices = slices.DeleteFunc(p.notices, func(old Notice) bool { return n.Tag != "" && old.Tag == n.Tag && old.UserID == n.UserID })
	p.notices = append(p.notices, n)
	return n.ID
}
