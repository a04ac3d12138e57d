# The one place that knows how to find a JDK. To be sourced by sh; defines find_jdk, which prints the home of a JDK 25
# or newer, or fails without a word. It reads files and starts no JVM, so that it costs a few milliseconds.

# Whether $1 is the home of a JDK of at least 25.
is_jdk() {
  [ -n "$1" ] && [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
  while IFS= read -r line; do
    case $line in
      JAVA_VERSION=*)
        line=${line#JAVA_VERSION=}
        line=${line#\"}
        line=${line%%[!0-9]*}
        [ -n "$line" ] && [ "$line" -ge 25 ]
        return
        ;;
    esac
  done < "$1/release"
  return 1
}

find_jdk() {
  # What the user says comes first.
  for home in "${JAVA_HOME-}" "${JAVA25_HOME-}" "${JAVA_HOME_25-}" "${JAVA_HOME_25_X64-}" "${JAVA_HOME_25_ARM64-}" \
      "${JDK_25-}" "${JDK25_HOME-}" "${JDK_HOME-}"; do
    if is_jdk "$home"; then
      printf '%s\n' "$home"
      return 0
    fi
  done
  # Then what the user runs, behind whatever links.
  java=$(command -v java 2> /dev/null || true)
  if [ -n "$java" ]; then
    java=$(readlink -f "$java" 2> /dev/null || true)
    home=${java%/bin/java}
    if is_jdk "$home"; then
      printf '%s\n' "$home"
      return 0
    fi
  fi
  # Then the usual places.
  for home in /usr/lib/jvm/* /usr/lib64/jvm/* /usr/java/* /usr/local/java/* /opt/java/* /opt/jdk* /opt/jdk/* \
      "${HOME-}"/.sdkman/candidates/java/* "${HOME-}"/.jdks/* "${HOME-}"/.jabba/jdk/* \
      "${HOME-}"/.asdf/installs/java/* "${HOME-}"/.local/share/mise/installs/java/* "${HOME-}"/.gradle/jdks/* \
      /Library/Java/JavaVirtualMachines/*/Contents/Home "${HOME-}"/Library/Java/JavaVirtualMachines/*/Contents/Home \
      /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
      /usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home; do
    if is_jdk "$home"; then
      printf '%s\n' "$home"
      return 0
    fi
  done
  return 1
}
