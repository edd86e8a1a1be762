package models

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// errSealed hides why a secret could not be opened: the key, the place or the
// bytes are wrong. The id of the key is told with it.
var errSealed = errors.New("models: a stored secret cannot be opened with these keys")

// sealVersion is the first byte of a sealed secret: version, length of the key
// id, key id, nonce, XChaCha20-Poly1305.
const sealVersion = 1

// A Keyring encrypts secrets with its first key and decrypts with all. The zero
// Keyring does neither.
type Keyring struct {
	first string
	keys  map[string]cipher.AEAD
}

// Format prints no key, whatever the verb.
func (Keyring) Format(f fmt.State, _ rune) { io.WriteString(f, "keyring") }

// ParseKeyring reads "id:base64(32 bytes)[,id:base64…]". An error says what is
// wrong with which key by its place in the list, and never quotes it.
func ParseKeyring(text string) (Keyring, error) {
	ring := Keyring{keys: map[string]cipher.AEAD{}}
	for i, part := range strings.Split(text, ",") {
		id, aead, err := parseKey(strings.TrimSpace(part))
		if err != nil {
			return Keyring{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		if ring.keys[id] != nil {
			return Keyring{}, fmt.Errorf("key %d: its id is used twice", i+1)
		}
		if i == 0 {
			ring.first = id
		}
		ring.keys[id] = aead
	}
	return ring, nil
}

func parseKey(text string) (string, cipher.AEAD, error) {
	id, encoded, ok := strings.Cut(text, ":")
	if !ok {
		return "", nil, errors.New("not of the form id:base64")
	}
	if id == "" || len(id) > 64 {
		return "", nil, errors.New("an id has 1 to 64 characters")
	}
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return "", nil, errors.New("not base64")
	}
	if len(key) != chacha20poly1305.KeySize {
		return "", nil, fmt.Errorf("%d bytes instead of %d", len(key), chacha20poly1305.KeySize)
	}
	aead, err := chacha20poly1305.NewX(key)
	return id, aead, err
}

// seal encrypts text for one place; it opens nowhere else. An empty text is
// stored as nothing.
func (k Keyring) seal(text, place string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	aead, ok := k.keys[k.first]
	if !ok {
		return nil, errors.New("models: no key to encrypt with")
	}
	sealed := append([]byte{sealVersion, byte(len(k.first))}, k.first...)
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	sealed = append(sealed, nonce...)
	return aead.Seal(sealed, nonce, []byte(text), []byte(place)), nil
}

// open decrypts what seal made for the same place.
func (k Keyring) open(sealed []byte, place string) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	id, rest, ok := keyID(sealed)
	aead := k.keys[id]
	if !ok || aead == nil || len(rest) < aead.NonceSize() {
		return "", fmt.Errorf("%w (of id %q)", errSealed, id)
	}
	nonce, text := rest[:aead.NonceSize()], rest[aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, text, []byte(place))
	if err != nil {
		return "", fmt.Errorf("%w (of id %q)", errSealed, id)
	}
	return string(plain), nil
}

// stale reports a secret that another than the first key encrypted.
func (k Keyring) stale(sealed []byte) bool {
	id, _, ok := keyID(sealed)
	return len(sealed) > 0 && (!ok || id != k.first)
}

func keyID(sealed []byte) (id string, rest []byte, ok bool) {
	if len(sealed) < 2 || sealed[0] != sealVersion || len(sealed) < 2+int(sealed[1]) {
		return "", nil, false
	}
	end := 2 + int(sealed[1])
	return string(sealed[2:end]), sealed[end:], true
}

// place names a column of a portal: what is sealed there opens only there.
func place(memberID, column string) string { return "portal:" + memberID + ":" + column }
