// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every page shares: the head, the style, the script, the end.
#include <string>
#include <string_view>

#include "moenda/files/text.hpp"
#include "moenda/report/style.hpp"

namespace moenda::io::detail {

/// A whole page of UTF-8 text that loads nothing. `title` is not yet escaped, `content` is HTML.
[[nodiscard]] inline std::string html_page(std::string_view title, std::string_view content) {
  std::string const safe = escape_html(title);
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         // Nothing may be loaded, even if a text slipped through the escaping.
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>" +
         safe + " – Moenda report</title>\n<style>" + style_sheet() +
         "</style>\n</head>\n<body>\n<main>\n<h1>" + safe + "</h1>\n" + std::string(content) +
         "<footer>Written by Moenda. This file is complete: it loads nothing from the network."
         "</footer>\n</main>\n<script>" +
         script() + "</script>\n</body>\n</html>\n";
}

}  // namespace moenda::io::detail
