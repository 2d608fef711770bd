// Package browser opens pages in a headless Chromium, for tests that look at them as a
// person would: in light and dark, narrow and printed. It speaks the DevTools protocol
// over a pipe, so that no port is opened and no library is needed.
package browser
