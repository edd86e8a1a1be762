package b24

import "context"

// A Notice is a notification in the chat of one user, from the application.
type Notice struct {
	UserID int64
	Text   string
	// Tag names what the notification is about: a later one with the same tag
	// replaces it, so sending it again shows it once.
	Tag string
}

// Notify sends a notification, and may be repeated. The scope im is needed,
// which no call needs: without it the portal answers [InsufficientScope]. False
// means that the portal took it and notified nobody, as of a dismissed user.
//
// https://apidocs.bitrix24.com/api-reference/chats/notifications/im-notify-system-add.html
func (c *Client) Notify(ctx context.Context, n Notice) (bool, error) {
	id, err := invoke[ID](ctx, c, "im.notify.system.add", Params{"USER_ID": n.UserID, "MESSAGE": n.Text, "TAG": n.Tag}, Repeatable())
	return id > 0, err
}
