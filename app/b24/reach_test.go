package b24

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"callwise/app/reach"
)

func TestAPortalLeadsToNoServiceOfTheMachineOrItsCloud(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
	app := &App{}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "0.0.0.0"} {
		_, err := app.Profile(context.Background(), "https://"+host+":"+port+"/rest/", "token")
		if !errors.Is(err, reach.ErrAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests came in", n)
	}
}

func TestAPortalsCertificateIsChecked(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, err := (&App{AllowLoopback: true}).Profile(context.Background(), server.URL+"/rest/", "token")
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}

func TestTheOperatorsProxyIsReachedWhereverItStands(t *testing.T) {
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		http.Error(w, "no", http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	where, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: transport(false, http.ProxyURL(where))}
	if _, err := client.Get("https://acme.bitrix24.com/rest/profile"); err == nil || asked.Load() != "CONNECT acme.bitrix24.com:443" {
		t.Errorf("the proxy was asked %v: %v", asked.Load(), err)
	}
}
