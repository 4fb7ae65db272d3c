// SPDX-License-Identifier: Apache-2.0

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import org.junit.Test;

/** Runs the methods marked @Test of the classes named, one line each; exit code 1 when one fails. */
public final class JUnitRunner {
    private JUnitRunner() {}

    public static void main(String[] classNames) throws Exception {
        int failures = 0;
        for (String className : classNames) {
            Class<?> type = Class.forName(className);
            for (Method method : type.getMethods()) {
                if (!method.isAnnotationPresent(Test.class)) continue;
                String outcome = "passed";
                try {
                    method.invoke(type.getDeclaredConstructor().newInstance());
                } catch (InvocationTargetException error) {
                    outcome = "failed: " + error.getCause();
                    failures++;
                }
                System.out.println(method.getName() + " " + outcome);
            }
        }
        System.exit(failures == 0 ? 0 : 1);
    }
}
