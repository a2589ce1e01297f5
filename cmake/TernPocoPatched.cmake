# Poco 1.11.0 to 1.11.8 and 1.12.0 to 1.12.4 overflow the stack on a hostile header (CVE-2023-52389). Debian fixed it in
# 1.11.0-3+deb12u1 without a new upstream version, so the package is asked where dpkg can tell.
find_program(TERN_DPKG_QUERY dpkg-query)
find_program(TERN_DPKG dpkg)
set(tern_poco_package "")
if(TERN_DPKG_QUERY AND TERN_DPKG)
  execute_process(COMMAND ${TERN_DPKG_QUERY} -W "-f=\${Version}\n" libpocofoundation80
                  OUTPUT_VARIABLE tern_poco_package OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(tern_poco_package)
  execute_process(COMMAND ${TERN_DPKG} --compare-versions "${tern_poco_package}" ge 1.11.0-3+deb12u1
                  RESULT_VARIABLE tern_poco_old)
  if(tern_poco_old)
    message(FATAL_ERROR "Poco ${tern_poco_package} has CVE-2023-52389; install 1.11.0-3+deb12u1 or newer (apt-get upgrade).")
  endif()
elseif(Poco_VERSION AND Poco_VERSION VERSION_LESS 1.12.5 AND NOT Poco_VERSION VERSION_EQUAL 1.11.9)
  message(FATAL_ERROR "Poco ${Poco_VERSION} may have CVE-2023-52389 and this system cannot tell; use 1.12.5 or newer.")
endif()
